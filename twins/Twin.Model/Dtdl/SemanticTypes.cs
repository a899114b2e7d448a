using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>
/// Semantic types, the unit types they are measured in and the units of those: the table of the QuantitativeTypes
/// extension version 1, which v2 has in the language itself. One line a unit type:
/// <c>UnitType | semantic types | units</c>.
/// </summary>
internal static class SemanticTypes
{
    private const string Table = """
        AccelerationUnit|Acceleration|centimetrePerSecondSquared gForce metrePerSecondSquared
        AngleUnit|Angle Latitude Longitude|degreeOfArc minuteOfArc radian secondOfArc turn
        AngularAccelerationUnit|AngularAcceleration|radianPerSecondSquared
        AngularVelocityUnit|AngularVelocity|degreePerSecond radianPerSecond revolutionPerMinute revolutionPerSecond
        ApparentEnergyUnit|ApparentEnergy|gigavoltAmpereHour kilovoltAmpereHour megavoltAmpereHour voltAmpereHour
        ApparentPowerUnit|ApparentPower|gigavoltAmpere kilovoltAmpere megavoltAmpere millivoltAmpere voltAmpere
        AreaUnit|Area|acre hectare squareCentimetre squareFoot squareInch squareKilometre squareMetre squareMillimetre
        CapacitanceUnit|Capacitance|farad microfarad millifarad nanofarad picofarad
        Unitless|Concentration RelativeDensity RelativeHumidity|partsPerBillion partsPerMillion partsPerQuadrillion partsPerTrillion percent unity
        CurrentUnit|Current|ampere kiloampere microampere milliampere
        DataRateUnit|DataRate|bitPerSecond bytePerSecond exbibitPerSecond exbibytePerSecond gibibitPerSecond gibibytePerSecond kibibitPerSecond kibibytePerSecond mebibitPerSecond mebibytePerSecond tebibitPerSecond tebibytePerSecond yobibitPerSecond yobibytePerSecond zebibitPerSecond zebibytePerSecond
        DataSizeUnit|DataSize|bit byte exbibit exbibyte gibibit gibibyte kibibit kibibyte mebibit mebibyte tebibit tebibyte yobibit yobibyte zebibit zebibyte
        DensityUnit|Density Humidity|gramPerCubicMetre kilogramPerCubicMetre microgramPerCubicMetre milligramPerCubicMetre
        LengthUnit|Distance Length|astronomicalUnit centimetre foot inch kilometre metre micrometre mile millimetre nanometre nauticalMile
        ChargeUnit|ElectricCharge|ampereHour coulomb milliampereHour
        EnergyUnit|Energy|britishThermalUnit electronvolt gigajoule gigawattHour joule kiloBritishThermalUnit kilojoule kilowattHour megaelectronvolt megajoule megawattHour milliwattHour terawattHour wattHour
        PowerUnit|EnergyRate Luminosity Power|britishThermalUnitPerHour gigajoulePerHour gigawatt horsepower joulePerHour joulePerSecond kiloBritishThermalUnitPerHour kilojoulePerHour kilojoulePerSecond kilowatt kilowattHourPerYear megajoulePerHour megawatt microwatt milliwatt tonOfRefrigeration watt
        ForceUnit|Force Thrust|newton ounce pound ton
        FrequencyUnit|Frequency|gigahertz hertz kilohertz megahertz millihertz
        IlluminanceUnit|Illuminance|footcandle lux
        InductanceUnit|Inductance|henry microhenry millihenry
        IonizingRadiationDoseUnit|IonizingRadiationDose|gray microgray microsievert milligray millisievert sievert
        IrradianceUnit|Irradiance|wattPerSquareMetre
        LuminanceUnit|Luminance|candelaPerSquareMetre
        LuminousFluxUnit|LuminousFlux|lumen
        LuminousIntensityUnit|LuminousIntensity|candela
        MagneticFluxUnit|MagneticFlux|maxwell weber
        MagneticInductionUnit|MagneticInduction|gauss tesla
        MassUnit|Mass|gram kilogram massPound microgram milligram slug tonne
        MassFlowRateUnit|MassFlowRate|gramPerHour gramPerSecond kilogramPerHour kilogramPerSecond massPoundPerHour
        PressureUnit|Pressure|bar decapascal hectopascal inchesOfMercury inchesOfWater kilopascal millibar millimetresOfMercury pascal poundPerSquareInch
        RadioactivityUnit|Radioactivity|becquerel gigabecquerel kilobecquerel megabecquerel
        ReactiveEnergyUnit|ReactiveEnergy|gigavoltAmpereReactiveHour kilovoltAmpereReactiveHour megavoltAmpereReactiveHour voltAmpereReactiveHour
        ReactivePowerUnit|ReactivePower|gigavoltAmpereReactive kilovoltAmpereReactive megavoltAmpereReactive millivoltAmpereReactive voltAmpereReactive
        ResistanceUnit|Resistance|kiloohm megaohm milliohm ohm
        SoundPressureUnit|SoundPressure|bel decibel
        TemperatureUnit|Temperature|degreeCelsius degreeFahrenheit kelvin
        TimeUnit|TimeSpan|day hour microsecond millisecond minute nanosecond second year
        TorqueUnit|Torque|newtonMetre
        VelocityUnit|Velocity|centimetrePerSecond kilometrePerHour kilometrePerSecond knot metrePerHour metrePerSecond milePerHour milePerSecond
        VoltageUnit|Voltage|kilovolt megavolt microvolt millivolt volt
        VolumeUnit|Volume|cubicCentimetre cubicFoot cubicInch cubicMetre fluidOunce gallon litre millilitre
        VolumeFlowRateUnit|VolumeFlowRate|cubicFootPerMinute cubicMetrePerHour cubicMetrePerMinute cubicMetrePerSecond gallonPerHour gallonPerMinute litrePerHour litrePerMinute litrePerSecond millilitrePerHour millilitrePerMinute millilitrePerSecond
        """;

    /// <summary>Unit type by semantic type.</summary>
    public static FrozenDictionary<string, string> UnitTypeOf { get; } = Rows()
        .SelectMany(r => r.Types.Select(t => (t, r.UnitType))).ToFrozenDictionary(p => p.t, p => p.UnitType, StringComparer.Ordinal);

    /// <summary>Unit type by unit.</summary>
    public static FrozenDictionary<string, string> UnitTypeOfUnit { get; } = Rows()
        .SelectMany(r => r.Units.Select(u => (u, r.UnitType))).ToFrozenDictionary(p => p.u, p => p.UnitType, StringComparer.Ordinal);

    /// <summary>The units of a semantic type, for messages.</summary>
    public static string UnitsOf(string semanticType) =>
        string.Join(", ", UnitTypeOfUnit.Where(u => u.Value == UnitTypeOf[semanticType]).Select(u => u.Key).Order(StringComparer.Ordinal));

    private static IEnumerable<(string UnitType, string[] Types, string[] Units)> Rows() =>
        Table.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(line => line.Split('|'))
            .Select(cells => (cells[0], cells[1].Split(' '), cells[2].Split(' ')));
}
