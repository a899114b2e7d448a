using System.Buffers.Binary;
using System.Globalization;

namespace Twin.Pipelines.Inference.Training;

/// <summary>
/// Writes an anomaly model as an ONNX file: <c>window</c> float[batch, W] of normalised values in, <c>score</c> float[batch] out.
/// Field numbers are those of the public onnx.proto; opset 13 (ReduceMean still takes its axes as an attribute), IR 7.
/// The same model gives the same bytes.
/// </summary>
public static class OnnxWriter
{
    private const int IrVersion = 7;
    private const int Opset = 13;
    private const int FloatTensor = 1;
    private const int IntAttribute = 2;
    private const int IntsAttribute = 7;

    /// <summary>The file's bytes.</summary>
    public static byte[] Write(AnomalyModel model, string name) =>
        new ProtoWriter()
            .Number(1, IrVersion)
            .Text(2, "Twin")
            .Message(7, graph => WriteGraph(graph, model, name))
            .Message(8, opset => opset.Text(1, "").Number(2, Opset))
            .ToArray();

    private static void WriteGraph(ProtoWriter graph, AnomalyModel model, string name)
    {
        var layers = model.Network.Layers;
        var x = "window";
        for (var i = 0; i < layers.Count; i++)
        {
            var n = i.ToString(CultureInfo.InvariantCulture);
            Node(graph, "MatMul", [x, "weights" + n], "product" + n);
            Node(graph, "Add", ["product" + n, "biases" + n], x = "sum" + n);
            if (layers[i].Rectified) Node(graph, "Relu", [x], x = "rectified" + n);
        }
        Node(graph, "Sub", [x, "window"], "difference");
        Node(graph, "Mul", ["difference", "difference"], "square");
        Node(graph, "ReduceMean", ["square"], "error", node => node
            .Message(5, a => a.Text(1, "axes").Number(8, 1).Number(20, IntsAttribute))
            .Message(5, a => a.Text(1, "keepdims").Number(3, 0).Number(20, IntAttribute)));
        Node(graph, "Mul", ["error", "gain"], "score");
        graph.Text(2, name);
        for (var i = 0; i < layers.Count; i++)
        {
            var n = i.ToString(CultureInfo.InvariantCulture);
            Tensor(graph, "weights" + n, [layers[i].Inputs, layers[i].Outputs], layers[i].Weights);
            Tensor(graph, "biases" + n, [layers[i].Outputs], layers[i].Biases);
        }
        Tensor(graph, "gain", [1], [1 / model.Threshold]);
        Value(graph, 11, "window", layers[0].Inputs);
        Value(graph, 12, "score", null);
    }

    private static void Node(ProtoWriter graph, string operation, string[] inputs, string output, Action<ProtoWriter>? attributes = null) =>
        graph.Message(1, node =>
        {
            foreach (var input in inputs) node.Text(1, input);
            node.Text(2, output).Text(3, output).Text(4, operation);
            attributes?.Invoke(node);
        });

    private static void Tensor(ProtoWriter graph, string name, int[] shape, double[] values) =>
        graph.Message(5, tensor =>
        {
            foreach (var size in shape) tensor.Number(1, size);
            var raw = new byte[values.Length * sizeof(float)];
            for (var i = 0; i < values.Length; i++) BinaryPrimitives.WriteSingleLittleEndian(raw.AsSpan(i * sizeof(float)), (float)values[i]);
            tensor.Number(2, FloatTensor).Text(8, name).Bytes(9, raw);
        });

    private static void Value(ProtoWriter graph, int field, string name, int? width) =>
        graph.Message(field, value => value
            .Text(1, name)
            .Message(2, type => type.Message(1, tensor => tensor
                .Number(1, FloatTensor)
                .Message(2, shape =>
                {
                    shape.Message(1, batch => batch.Text(2, "batch"));
                    if (width is { } known) shape.Message(1, dimension => dimension.Number(1, known));
                }))));
}
