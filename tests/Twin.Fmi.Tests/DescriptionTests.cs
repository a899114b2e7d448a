using System.IO.Compression;
using System.Text;
using Twin.Fmi;

namespace Twin.Fmi.Tests;

public class DescriptionTests
{
    private static FmuDescription Read(string xml) => FmuDescriptionReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(xml)));

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Both_versions_say_the_same_of_the_same_model(int version)
    {
        var model = Read(ModelFactory.Describe(version));
        Assert.Equal((version, "Test", "model", true, true, (double?)2, (double?)0.1), (model.Version, model.ModelName, model.Identifier, model.CanSaveState, model.CanVaryStep, model.StopTime, model.StepSize));
        Assert.Equal(["time", "x", "u", "k", "steps", "isDown", "label"], model.Variables.Select(v => v.Name)); // the clock of 3.0 is left out
        Assert.Equal([FmuType.Float64, FmuType.Float64, FmuType.Float64, FmuType.Float64, FmuType.Int32, FmuType.Boolean, FmuType.String], model.Variables.Select(v => v.Type));
        Assert.Equal([0, 1, 0, 0, 0, 0, 0, 0], model.Find("x")!.Unit!.Exponents);
        Assert.Equal("unnamed", model.Find("label")!.Start);
        Assert.True(model.Find("u")!.IsContinuous);
        Assert.False(model.Find("steps")!.IsContinuous);
    }

    [Fact]
    public void Enumerations_are_32_bits_in_version_2_and_64_in_version_3()
    {
        var second = Read(ModelFactory.Describe(2).Replace("<Integer/>", "<Enumeration declaredType=\"Colour\"/>", StringComparison.Ordinal));
        var third = Read(ModelFactory.Describe(3).Replace("<Int32 name=\"steps\"", "<Enumeration declaredType=\"Colour\" name=\"steps\"", StringComparison.Ordinal));
        Assert.Equal((FmuType.Int32, FmuType.Int64), (second.Find("steps")!.Type, third.Find("steps")!.Type));
    }

    [Theory]
    [InlineData("fmiVersion=\"2.0\"", "fmiVersion=\"1.0\"", "2.0 and 3.0 are read")]
    [InlineData("name=\"k\"", "name=\"u\"", "'u' stands there twice")]
    [InlineData("valueReference=\"3\"", "valueReference=\"-3\"", "must be a whole number of 32 bits")]
    [InlineData("modelIdentifier=\"model\"", "modelIdentifier=\"../../evil\"", "must be a C identifier")]
    [InlineData("unit=\"m\"", "unit=\"furlong\"", "unit 'furlong' of 'x' is not defined")]
    [InlineData("CoSimulation ", "ModelExchange ", "not for co-simulation")]
    [InlineData("stopTime=\"2\"", "stopTime=\"late\"", "stopTime is 'late'")]
    [InlineData("?>", "?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>", "it is not XML as it is read here")]
    public void What_is_wrong_is_told_with_its_line(string part, string other, string message)
    {
        var fault = Assert.Throws<FmuException>(() => Read(ModelFactory.Describe(2).Replace(part, other, StringComparison.Ordinal)));
        Assert.Equal(FmuFault.Invalid, fault.Fault);
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.Matches(@"[Ll]ine \d+", fault.Message);
    }

    [Fact]
    public void An_archive_that_is_none_leaves_its_folder_or_has_no_description_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("twin-fmu-test-").FullName;
        try
        {
            string Save(string name, Action<ZipArchive> write)
            {
                var path = Path.Combine(folder, name);
                using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
                write(archive);
                return path;
            }

            File.WriteAllText(Path.Combine(folder, "text.fmu"), "no archive");
            Assert.Contains("is not an FMU", Assert.Throws<FmuException>(() => FmuArchive.Open(Path.Combine(folder, "text.fmu"))).Message, StringComparison.Ordinal);
            Assert.Contains("has no modelDescription.xml", Assert.Throws<FmuException>(() => FmuArchive.Open(Save("empty.fmu", a => a.CreateEntry("other.txt")))).Message, StringComparison.Ordinal);
            var leaving = Save("leaving.fmu", a => a.CreateEntry("../outside.txt").Open().Dispose());
            Assert.Contains("leaves its folder", Assert.Throws<FmuException>(() => FmuArchive.Open(leaving)).Message, StringComparison.Ordinal);
            var bare = Save("bare.fmu", a =>
            {
                using var writer = new StreamWriter(a.CreateEntry("modelDescription.xml").Open());
                writer.Write(ModelFactory.Describe(3));
            });
            using var opened = FmuArchive.Open(bare);
            Assert.Contains("has no binary binaries/", Assert.Throws<FmuException>(opened.Library).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("t,u\n", "line 1, column 1")]
    [InlineData("time,w\n", "line 1, column 2: there is no variable 'w'")]
    [InlineData("time,x\n", "line 1, column 2: 'x' is no single input")]
    [InlineData("time,u\n0,1\n0,2\n", "line 3, column 1")]
    [InlineData("time,u\n0,one\n", "line 2, column 2: 'one' is not a value of type Float64")]
    [InlineData("time,u\n0\n", "line 2: there are 1 values")]
    [InlineData("time,u\n", "has no row")]
    public void A_wrong_table_of_inputs_is_told_with_its_place(string text, string message)
    {
        var model = Read(ModelFactory.Describe(2));
        var fault = Assert.Throws<FormatException>(() => InputTable.Read(new StringReader(text), n => model.Find(n) is { } v ? new FmuPort(0, v) : null));
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }
}
