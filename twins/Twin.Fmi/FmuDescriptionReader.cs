using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Twin.Fmi;

/// <summary>Reads modelDescription.xml of FMI 2.0 and 3.0. Errors name the line. DTDs and entities are refused.</summary>
public static class FmuDescriptionReader
{
    /// <summary>Longest description taken, in characters.</summary>
    public const long LongestDescription = 64L * 1024 * 1024;

    /// <summary>Most variables taken.</summary>
    public const int MostVariables = 1_000_000;

    private static readonly string[] BaseUnits = ["kg", "m", "s", "A", "K", "mol", "cd", "rad"];

    /// <summary>Reads a description.</summary>
    /// <exception cref="FmuException">It is not XML, not FMI 2.0 or 3.0, not for co-simulation, or something in it is out of its range.</exception>
    public static FmuDescription Read(Stream stream)
    {
        XElement root;
        try
        {
            using var reader = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = LongestDescription });
            root = XDocument.Load(reader, LoadOptions.SetLineInfo).Root!;
        }
        catch (XmlException fault)
        {
            throw new FmuException(FmuFault.Invalid, $"modelDescription.xml, line {fault.LineNumber}, column {fault.LinePosition}: it is not XML as it is read here: {fault.Message}");
        }

        if (root.Name.LocalName != "fmiModelDescription") throw Wrong(root, $"the root is '{root.Name.LocalName}'; it must be fmiModelDescription");
        var said = Text(root, "fmiVersion");
        var version = said == "2.0" ? 2 : said == "3.0" || said.StartsWith("3.0.", StringComparison.Ordinal) ? 3 : throw Wrong(root, $"fmiVersion is '{said}'; 2.0 and 3.0 are read");
        var simulation = root.Element("CoSimulation") ?? throw Wrong(root, "it is not for co-simulation (there is no element CoSimulation)");
        if (simulation.Attribute("needsExecutionTool")?.Value is "true" or "1") throw Wrong(simulation, "it needs another tool to run (needsExecutionTool)");
        var units = ReadUnits(root);
        var types = ReadTypes(root, version, units);
        var experiment = root.Element("DefaultExperiment");
        return new FmuDescription(
            version, Text(root, "modelName"), IdentifierOf(simulation), Text(root, version == 2 ? "guid" : "instantiationToken"),
            Flag(simulation, version == 2 ? "canGetAndSetFMUstate" : "canGetAndSetFMUState"), Flag(simulation, "canHandleVariableCommunicationStepSize"),
            experiment is null ? null : Number(experiment, "stopTime"), experiment is null ? null : Number(experiment, "stepSize"), ReadVariables(root, version, units, types));
    }

    private static string IdentifierOf(XElement simulation)
    {
        var identifier = Text(simulation, "modelIdentifier");
        var isPlain = identifier.Length is > 0 and <= 200 && identifier.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
        return isPlain ? identifier : throw Wrong(simulation, $"modelIdentifier is '{identifier}'; it must be a C identifier of at most 200 letters");
    }

    private static List<FmuVariable> ReadVariables(XElement root, int version, Dictionary<string, FmuUnit> units, Dictionary<string, string> types)
    {
        var variables = new List<FmuVariable>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var element in root.Element("ModelVariables")?.Elements() ?? throw Wrong(root, "there is no element ModelVariables"))
        {
            var typed = version == 2 ? element.Elements().FirstOrDefault(e => e.Name.LocalName is "Real" or "Integer" or "Boolean" or "String" or "Enumeration") : element;
            if (typed is null) throw Wrong(element, $"variable '{element.Attribute("name")?.Value}' has no type");
            if (TypeOf(typed.Name.LocalName, version) is not { } type) continue; // Binary and Clock are not read or set here
            var name = Text(element, "name");
            if (!names.Add(name)) throw Wrong(element, $"variable '{name}' stands there twice");
            if (names.Count > MostVariables) throw Wrong(element, $"there are more than {MostVariables} variables");
            if (!uint.TryParse(Text(element, "valueReference"), NumberStyles.None, CultureInfo.InvariantCulture, out var reference)) throw Wrong(element, $"valueReference of '{name}' is '{element.Attribute("valueReference")?.Value}'; it must be a whole number of 32 bits");
            var word = element.Attribute("causality")?.Value ?? "local";
            if (!Enum.TryParse<FmuCausality>(word, ignoreCase: true, out var causality)) throw Wrong(element, $"causality of '{name}' is '{word}'");
            var unitName = typed.Attribute("unit")?.Value ?? (typed.Attribute("declaredType")?.Value is { } declared ? types.GetValueOrDefault(declared) : null);
            var unit = unitName is null ? null : units.GetValueOrDefault(unitName) ?? throw Wrong(typed, $"unit '{unitName}' of '{name}' is not defined");
            var variability = element.Attribute("variability")?.Value ?? (type is FmuType.Float64 or FmuType.Float32 ? "continuous" : "discrete");
            var start = typed.Attribute("start")?.Value ?? (type == FmuType.String ? typed.Element("Start")?.Attribute("value")?.Value : null);
            variables.Add(new FmuVariable(name, reference, type, causality, variability == "continuous", version == 3 && typed.Elements("Dimension").Any(), start, unit));
        }

        return variables;
    }

    private static FmuType? TypeOf(string name, int version) => name switch
    {
        "Real" => FmuType.Float64,
        "Enumeration" when version == 3 => FmuType.Int64,
        "Integer" or "Enumeration" => FmuType.Int32,
        "Binary" or "Clock" => null,
        _ => Enum.TryParse<FmuType>(name, out var type) ? type : null,
    };

    private static Dictionary<string, FmuUnit> ReadUnits(XElement root)
    {
        var units = new Dictionary<string, FmuUnit>(StringComparer.Ordinal);
        foreach (var element in root.Element("UnitDefinitions")?.Elements("Unit") ?? [])
        {
            var (name, based) = (Text(element, "name"), element.Element("BaseUnit"));
            int[]? exponents = based is null ? null : [.. BaseUnits.Select(b => (int)(Number(based, b) ?? 0))];
            var factor = based is null ? 1 : Number(based, "factor") ?? 1;
            if (factor == 0) throw Wrong(element, $"the factor of unit '{name}' is 0");
            units[name] = new FmuUnit(name, exponents, factor, based is null ? 0 : Number(based, "offset") ?? 0);
        }

        return units;
    }

    private static Dictionary<string, string> ReadTypes(XElement root, int version, Dictionary<string, FmuUnit> units)
    {
        var types = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var element in root.Element("TypeDefinitions")?.Elements() ?? [])
        {
            var unit = (version == 2 ? element.Element("Real") : element)?.Attribute("unit")?.Value;
            if (unit is null) continue;
            if (!units.ContainsKey(unit)) throw Wrong(element, $"unit '{unit}' is not defined");
            types[Text(element, "name")] = unit;
        }

        return types;
    }

    private static string Text(XElement element, string name) => element.Attribute(name)?.Value ?? throw Wrong(element, $"{element.Name.LocalName} has no {name}");

    private static bool Flag(XElement element, string name) => element.Attribute(name)?.Value is "true" or "1";

    private static double? Number(XElement element, string name)
    {
        if (element.Attribute(name)?.Value is not { } text) return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : throw Wrong(element, $"{name} is '{text}'; it must be a number");
    }

    private static FmuException Wrong(XElement at, string message)
    {
        var line = (IXmlLineInfo)at;
        return new FmuException(FmuFault.Invalid, $"modelDescription.xml, line {line.LineNumber}, column {line.LinePosition}: {message}.");
    }
}
