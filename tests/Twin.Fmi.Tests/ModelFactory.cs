using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Twin.Fmi;

namespace Twin.Fmi.Tests;

/// <summary>What models/model.c can be.</summary>
public enum ModelKind
{
    Decay,
    Ball,
    Crasher,
    Hanger,
    Picky,
    Talker,
    Refuser,
    Ender,
}

/// <summary>Compiles the test models with gcc and packs them; one folder a test class.</summary>
public sealed class ModelFactory : IDisposable
{
    private const string Token = "{6d6f6465-6c20-746f-2074-727920697431}";
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-fmu-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The built program as the models' child.</summary>
    public static FmuHostCommand Host(double seconds = 30) =>
        new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [Path.Combine(AppContext.BaseDirectory, "twin.dll"), "fmu-host"], TimeSpan.FromSeconds(seconds));

    /// <summary>An FMU; skips the test where gcc is missing.</summary>
    public string Make(int version, ModelKind kind, string? name = null, string inputUnit = "m", bool canGoBack = true, string token = Token)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/gcc"), "gcc is not installed, so no FMU can be built");
        var place = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        var root = Directory.CreateDirectory(Path.Combine(place, "content")).FullName;
        var machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64" : "x86_64";
        var platform = version == 3 ? $"{machine}-linux" : machine == "x86_64" ? "linux64" : "aarch64-linux";
        var binaries = Directory.CreateDirectory(Path.Combine(root, "binaries", platform)).FullName;
        Directory.CreateDirectory(Path.Combine(root, "resources"));
        var start = new ProcessStartInfo("/usr/bin/gcc", ["-shared", "-fPIC", "-O1", $"-DFMI={version}", $"-DKIND={(int)kind}", "-o", Path.Combine(binaries, "model.so"), Path.Combine(AppContext.BaseDirectory, "models", "model.c"), "-lm"]) { RedirectStandardError = true };
        using var gcc = Process.Start(start)!;
        var said = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, said);
        File.WriteAllText(Path.Combine(root, "modelDescription.xml"), Describe(version, inputUnit, canGoBack, token));
        var file = Path.Combine(place, $"{name ?? $"{kind}{version}"}.fmu");
        ZipFile.CreateFromDirectory(root, file);
        return file;
    }

    public static string Describe(int version, string inputUnit = "m", bool canGoBack = true, string token = Token)
    {
        var back = canGoBack ? "true" : "false";
        var units = """
              <UnitDefinitions>
                <Unit name="m"><BaseUnit m="1"/></Unit>
                <Unit name="km"><BaseUnit m="1" factor="1000"/></Unit>
                <Unit name="kg"><BaseUnit kg="1"/></Unit>
              </UnitDefinitions>
            """;
        return version == 2
            ? $"""
            <?xml version="1.0" encoding="UTF-8"?>
            <fmiModelDescription fmiVersion="2.0" modelName="Test" guid="{token}">
              <CoSimulation modelIdentifier="model" canHandleVariableCommunicationStepSize="true" canGetAndSetFMUstate="{back}"/>
              {units}
              <DefaultExperiment startTime="0" stopTime="2" stepSize="0.1"/>
              <ModelVariables>
                <ScalarVariable name="time" valueReference="0" causality="independent" variability="continuous"><Real/></ScalarVariable>
                <ScalarVariable name="x" valueReference="1" causality="output" variability="continuous"><Real unit="m"/></ScalarVariable>
                <ScalarVariable name="u" valueReference="2" causality="input" variability="continuous"><Real start="0" unit="{inputUnit}"/></ScalarVariable>
                <ScalarVariable name="k" valueReference="3" causality="parameter" variability="fixed"><Real start="1"/></ScalarVariable>
                <ScalarVariable name="steps" valueReference="4" causality="output" variability="discrete"><Integer/></ScalarVariable>
                <ScalarVariable name="isDown" valueReference="5" causality="output" variability="discrete"><Boolean/></ScalarVariable>
                <ScalarVariable name="label" valueReference="6" causality="parameter" variability="fixed"><String start="unnamed"/></ScalarVariable>
              </ModelVariables>
            </fmiModelDescription>
            """
            : $"""
            <?xml version="1.0" encoding="UTF-8"?>
            <fmiModelDescription fmiVersion="3.0" modelName="Test" instantiationToken="{token}">
              <CoSimulation modelIdentifier="model" canHandleVariableCommunicationStepSize="true" canGetAndSetFMUState="{back}"/>
              {units}
              <DefaultExperiment startTime="0" stopTime="2" stepSize="0.1"/>
              <ModelVariables>
                <Float64 name="time" valueReference="0" causality="independent" variability="continuous"/>
                <Float64 name="x" valueReference="1" causality="output" unit="m"/>
                <Float64 name="u" valueReference="2" causality="input" start="0" unit="{inputUnit}"/>
                <Float64 name="k" valueReference="3" causality="parameter" variability="fixed" start="1"/>
                <Int32 name="steps" valueReference="4" causality="output"/>
                <Boolean name="isDown" valueReference="5" causality="output"/>
                <String name="label" valueReference="6" causality="parameter" variability="fixed"><Start value="unnamed"/></String>
                <Clock name="tick" valueReference="8" causality="output" intervalVariability="triggered"/>
              </ModelVariables>
            </fmiModelDescription>
            """;
    }
}
