namespace Twin.Scenarios.Factory;

/// <summary>The factory's DTDL v3 models: the levels of ISA-95's equipment hierarchy (site, area, line, unit) and what stands in them.</summary>
internal static class FactoryModels
{
    public const string Equipment = "dtmi:twin:factory:Equipment;1";
    public const string Site = "dtmi:twin:factory:Site;1";
    public const string Area = "dtmi:twin:factory:Area;1";
    public const string Line = "dtmi:twin:factory:ProductionLine;1";
    public const string Station = "dtmi:twin:factory:Station;1";
    public const string Buffer = "dtmi:twin:factory:Buffer;1";
    public const string Conveyor = "dtmi:twin:factory:Conveyor;1";
    public const string Robot = "dtmi:twin:factory:Robot;1";
    public const string Vehicle = "dtmi:twin:factory:GuidedVehicle;1";
    public const string Meter = "dtmi:twin:factory:EnergyMeter;1";
    public const string Compressor = "dtmi:twin:factory:Compressor;1";

    public static ModelSketch[] All() =>
    [
        new ModelSketch(Equipment, "Equipment").Text("name")
            .Number("x", "Length", "metre").Number("y", "Length", "metre").Number("z", "Length", "metre").Number("heading", "Angle", "degreeOfArc", 0, 360),
        new ModelSketch(Site, "Site", Equipment).Related("contains", Area),
        new ModelSketch(Area, "Area", Equipment).Related("contains", Equipment),
        new ModelSketch(Line, "Production line", Equipment).Count("output", 0, 120).Number("oee", "RelativeDensity", "percent", 0, 100)
            .Related("contains", Equipment),
        new ModelSketch(Station, "Station", Equipment).Choice("process", true, "press", "weld", "paint", "assemble", "test", "pack")
            .Choice("state", true, "starved", "running", "blocked", "down").Count("good", 0, 120).Count("scrap", 0, 6)
            .Number("cycleTime", "TimeSpan", "second", 25, 45).Number("temperature", "Temperature", "degreeCelsius", 20, 95).Number("power", "Power", "kilowatt", 0, 30)
            .Number("availability", "RelativeDensity", "percent", 0, 100).Number("performance", "RelativeDensity", "percent", 0, 100)
            .Number("quality", "RelativeDensity", "percent", 80, 100).Number("oee", "RelativeDensity", "percent", 0, 100).Alarmed()
            .Related("feeds", Equipment).Command("reset").Command("setSpeed", "share"),
        new ModelSketch(Buffer, "Buffer", Equipment).Count("capacity", 0, 20).Count("level", 0, 8).Related("feeds", Equipment),
        new ModelSketch(Conveyor, "Conveyor", Equipment).Flag("running").Number("speed", "Velocity", "metrePerSecond", 0, 0.6).Number("motorCurrent", "Current", "ampere", 0, 8)
            .Related("feeds", Equipment),
        new ModelSketch(Robot, "Robot", Equipment).Choice("state", true, "idle", "working", "stopped").Count("cycles", 0, 120)
            .Number("jointTemperature", "Temperature", "degreeCelsius", 20, 80).Number("power", "Power", "kilowatt", 0, 8).Related("serves", Station),
        new ModelSketch(Vehicle, "Guided vehicle", Equipment).Number("speed", "Velocity", "metrePerSecond", 0, 1.6).Number("battery", "RelativeDensity", "percent", 0, 100)
            .Choice("state", true, "driving", "loading", "charging").Alarmed().Related("suppliesLine", Line),
        new ModelSketch(Meter, "Energy meter", Equipment).Number("power", "Power", "kilowatt", 0, 200).Number("energy", "Energy", "kilowattHour").Related("measures", Line),
        new ModelSketch(Compressor, "Compressor", Equipment).Number("pressure", "Pressure", "bar", 5, 9).Number("oilTemperature", "Temperature", "degreeCelsius", 40, 100)
            .Number("power", "Power", "kilowatt", 0, 45).Flag("loaded").Alarmed(),
    ];
}
