using Afterimage.Models;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>
/// What a file of an inverter holds beside its weights, which are in half precision: its layers, the model and the channel it was trained
/// for, the scale of hashed updates, and how good it is.
/// </summary>
/// <param name="Shape">The layers.</param>
/// <param name="Widths">Numbers of every part of the hashed update.</param>
/// <param name="Model">Whose updates it inverts.</param>
/// <param name="Channel">The way of those updates, the end of a sentence.</param>
/// <param name="Scale">Of hashed updates; owned.</param>
internal sealed record InverterFile(InverterShape Shape, ValueList<int> Widths, ModelFingerprint Model, string Channel, SketchScale Scale)
    : IDisposable
{
    private const string Kind = "inverter", Architecture = "afterimage.architecture", Weights = "afterimage.weights";
    private const string Way = "afterimage.channel", Parts = "sketch.widths", Mean = "sketch.mean", Deviation = "sketch.deviation";
    private const string Decibels = "quality";

    public void Write(string path, TensorLayout layout, Tensor flat, double meanImage, ValueList<double> quality)
    {
        double[] decibels = [meanImage, .. quality];
        long[] widths = [.. Widths.Select(width => (long)width)];
        GeneratorFile.Write(path, Kind, Shape, layout, flat,
            [
                NamedArray.Of(Parts, [widths.Length], widths), NamedArray.Of(Mean, Scale.Mean),
                NamedArray.Of(Deviation, Scale.Deviation), NamedArray.Of(Decibels, [decibels.Length], decibels),
            ],
            new() { [Architecture] = Model.Architecture, [Weights] = Model.Weights, [Way] = Channel });
    }

    public static bool Is(ArrayFile file) => GeneratorFile.Is(file, Kind);

    /// <exception cref="AfterimageException">The file holds no inverter, or its arrays do not fit its settings.</exception>
    public static Inverter Read(string path)
    {
        var file = ArrayFile.Read(path);
        if (!Is(file))
            throw GeneratorFile.Other(file, "inverter", "afterimage train inverter");
        var shape = GeneratorFile.Read<InverterShape>(file);
        var widths = file[Parts].ToDouble().Select(width => (int)width).ToValueList();
        // A header must not ask for more memory than its settings allow.
        if (!shape.Allows(widths))
            throw new AfterimageException($"{file.Path} has settings that are damaged (\"{Parts}\" does not fit them): " +
                "fetch the file again, or train the network again.");
        var network = shape.Network(widths);
        long[] size = [widths.Sum()];
        var arrays = Numerics.Arrays.Weights.Fit(file, [.. network.Layout.Entries.Select(entry => (entry.Name, entry.Shape)),
            (Parts, [widths.Count]), (Mean, size), (Deviation, size), (Decibels, [shape.Batch + 1])]);
        using var scope = Tidy.Scope();
        Tensor Of(string name) => arrays[name].ToTensor(ScalarType.Float32, CPU);
        var flat = cat([.. network.Layout.Entries.Select(entry => Of(entry.Name).reshape(-1))]);
        var scale = new SketchScale(Of(Mean).DetachFromDisposeScope(), Of(Deviation).DetachFromDisposeScope());
        var model = new ModelFingerprint(file.Metadata.GetValueOrDefault(Architecture, ""), file.Metadata.GetValueOrDefault(Weights, ""));
        return new(new(shape, widths, model, file.Metadata.GetValueOrDefault(Way, ""), scale), network, flat.DetachFromDisposeScope(),
            arrays[Decibels].ToDouble().ToValueList());
    }

    public void Dispose() => Scale.Dispose();
}
