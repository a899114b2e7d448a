namespace Twin.Scenarios.City;

/// <summary>The city's DTDL v3 models and the colour scales of their properties.</summary>
internal static class CityModels
{
    public const string Asset = "dtmi:twin:city:Asset;1";
    public const string City = "dtmi:twin:city:City;1";
    public const string District = "dtmi:twin:city:District;1";
    public const string Street = "dtmi:twin:city:Street;1";
    public const string Building = "dtmi:twin:city:Building;1";
    public const string Streetlight = "dtmi:twin:city:Streetlight;1";
    public const string ParkingBay = "dtmi:twin:city:ParkingBay;1";
    public const string CarPark = "dtmi:twin:city:CarPark;1";
    public const string Counter = "dtmi:twin:city:TrafficCounter;1";
    public const string Charger = "dtmi:twin:city:Charger;1";
    public const string Transformer = "dtmi:twin:city:Transformer;1";
    public const string AirQuality = "dtmi:twin:city:AirQualityStation;1";
    public const string Route = "dtmi:twin:city:BusRoute;1";
    public const string Stop = "dtmi:twin:city:BusStop;1";
    public const string Bus = "dtmi:twin:city:Bus;1";

    public static ModelSketch[] All() =>
    [
        new ModelSketch(Asset, "Asset").Text("name")
            .Number("x", "Length", "metre").Number("y", "Length", "metre").Number("z", "Length", "metre").Number("heading", "Angle", "degreeOfArc", 0, 360),
        new ModelSketch(City, "City", Asset).Related("contains", District).Related("hasRoute", Route),
        new ModelSketch(District, "District", Asset).Choice("kind", true, "oldTown", "inner", "outer", "suburb")
            .Related("contains", Street).Related("hasBuilding", Building).Related("hasStation", AirQuality).Related("hasCarPark", CarPark).Related("hasTransformer", Transformer),
        new ModelSketch(Street, "Street", Asset).Choice("kind", false, "ring", "radial", "local").Number("length", "Length", "metre", 60, 1500).Number("width", "Length", "metre", 8, 22)
            .Related("hasLight", Streetlight).Related("hasBay", ParkingBay).Related("hasCounter", Counter),
        new ModelSketch(Building, "Building", Asset).Number("height", "Length", "metre", 5, 90).Choice("use", true, "residential", "office", "retail", "civic"),
        new ModelSketch(Streetlight, "Streetlight", Asset).Number("ratedPower", "Power", "watt").Number("power", "Power", "watt", 0, 120).Number("energy", "Energy", "kilowattHour")
            .Number("level", "RelativeDensity", "percent", 0, 100).Number("dimTo", "RelativeDensity", "percent", writable: true).Alarmed().Command("setLevel", "level"),
        new ModelSketch(ParkingBay, "Parking bay", Asset).Flag("occupied").Time("since").Number("battery", "Voltage", "volt", 2.8, 3.7),
        new ModelSketch(CarPark, "Car park", Asset).Count("capacity", 0, 120).Related("hasBay", ParkingBay).Related("hasCharger", Charger),
        new ModelSketch(Counter, "Traffic counter", Asset).Count("vehicles", 0, 20).Number("flow", null, null, 0, 1600).Number("speed", "Velocity", "kilometrePerHour", 0, 60)
            .Number("occupancy", "RelativeDensity", "percent", 0, 60),
        new ModelSketch(Charger, "EV charger", Asset).Number("ratedPower", "Power", "kilowatt").Choice("state", true, "available", "preparing", "charging", "finishing", "faulted")
            .Number("power", "Power", "kilowatt", 0, 50).Number("energy", "Energy", "kilowattHour", 0, 60).Number("meter", "Energy", "kilowattHour").Alarmed()
            .Command("stop").Related("poweredBy", Transformer),
        new ModelSketch(Transformer, "Transformer", Asset).Number("ratedPower", "ApparentPower", "kilovoltAmpere").Number("load", "RelativeDensity", "percent", 0, 110)
            .Number("oilTemperature", "Temperature", "degreeCelsius", 20, 95).Alarmed().Related("supplies", Street),
        new ModelSketch(AirQuality, "Air quality station", Asset).Number("pm25", "Density", "microgramPerCubicMetre", 0, 60).Number("no2", "Density", "microgramPerCubicMetre", 0, 120)
            .Number("o3", "Density", "microgramPerCubicMetre", 0, 140).Number("temperature", "Temperature", "degreeCelsius", -10, 35)
            .Number("humidity", "RelativeHumidity", "percent", 20, 100).Number("noise", "SoundPressure", "decibel", 35, 85).Alarmed(),
        new ModelSketch(Route, "Bus route", Asset).Text("number", indexed: true).Number("length", "Length", "metre").Related("serves", Stop),
        new ModelSketch(Stop, "Bus stop", Asset),
        new ModelSketch(Bus, "Bus", Asset).Number("speed", "Velocity", "kilometrePerHour", 0, 50).Count("passengers", 0, 80).Number("delay", "TimeSpan", "second", -60, 600)
            .Text("nextStop").Choice("state", true, "moving", "atStop", "parked").Related("follows", Route),
    ];
}
