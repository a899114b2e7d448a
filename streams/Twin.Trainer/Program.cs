using System.Text.Json;
using Twin.Pipelines.Inference.Training;

// Trains the shipped anomaly model from the recording and writes the ONNX file and its card. Exit 2: the call was wrong.
if (args.Length != 4)
{
    Console.Error.WriteLine("usage: Twin.Trainer SERIES.csv LABELS.json NAME OUT-FOLDER");
    return 2;
}
try
{
    var card = AnomalyRecipe.Write(LabelledSeries.Read(args[0], args[1]), args[2], args[3]);
    Console.WriteLine(JsonSerializer.Serialize(card, JsonSerializerOptions.Web));
    return 0;
}
catch (Exception wrong) when (wrong is IOException or InvalidDataException or ArgumentException)
{
    Console.Error.WriteLine(wrong.Message);
    return 2;
}
