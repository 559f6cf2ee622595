using System.Diagnostics;
using System.Globalization;
using System.Text;
using Afterimage.Data;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>What became of the soft labels of one kind.</summary>
/// <param name="Right">One solution, within 1e-3 of the truth.</param>
/// <param name="Listed">Several solutions or none that fits, said so; the truth is among the listed ones.</param>
/// <param name="Open">Said to be uncertain, and the truth is not listed.</param>
/// <param name="Wrong">One solution that is wrong and not said to be uncertain.</param>
/// <param name="Milliseconds">Of one recovery, the median and the 99th percentile.</param>
public sealed record SoftResult(string Model, string Data, string Kind, int Count, int Right, int Listed, int Open, int Wrong,
    (double Median, double Slow) Milliseconds);

/// <summary>
/// Soft labels of single images from heads without a bias: smoothed by a share of U(0, 0.5), or mixed with a weight of U(0, 1). Features
/// are those of real images; the gradient is made in single precision, as a client makes it.
/// </summary>
public sealed class SoftTable(string? weights, int count)
{
    private const double Tolerance = 1e-3;

    /// <summary>Recovers smoothed and mixed labels on every data set.</summary>
    public IEnumerable<SoftResult> Run(IEnumerable<(string Name, DataSource Data)> data)
    {
        foreach (var (name, source) in data)
        {
            var images = source.Open();
            foreach (var (model, features, weight) in Heads(images))
                foreach (var smooth in (bool[])[true, false])
                    yield return Measure(model, name, features, weight, images, smooth);
        }
    }

    /// <summary>The results as a Markdown table.</summary>
    public static string Write(IEnumerable<SoftResult> results)
    {
        var text = new StringBuilder()
            .Append("| features | images | label | gradients | right | listed as ambiguous | uncertain | wrong | ms (median, 99 %) |\n")
            .Append("|---|---|---|---:|---:|---:|---:|---:|---:|\n");
        foreach (var found in results)
            text.Append(CultureInfo.InvariantCulture, $"| {found.Model} | {found.Data} | {found.Kind} | {found.Count} ")
                .Append(CultureInfo.InvariantCulture, $"| {100.0 * found.Right / found.Count:0.0} % | {found.Listed} | {found.Open} ")
                .Append(CultureInfo.InvariantCulture, $"| {found.Wrong} ")
                .AppendLine(CultureInfo.InvariantCulture, $"| {found.Milliseconds.Median:0.00}, {found.Milliseconds.Slow:0.00} |");
        return text.ToString();
    }

    /// <summary>Features of the images, [N][features], and a head for as many classes, [C,features].</summary>
    private IEnumerable<(string Model, float[][] Features, float[] Weight)> Heads(ImageSet images)
    {
        var chosen = Enumerable.Range(0, images.Count).ToArray();
        new RandomSource(1).Derive("soft images").Managed().Shuffle(chosen);
        var pixels = chosen.Take(Math.Min(count, images.Count)).Select(index => images[index].Pixels).ToArray();
        var normalization = new Normalization([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        foreach (var (name, source) in new (string, Architecture)[]
        {
            ("LeNet", new LeNet()),
            (weights is null ? "ResNet-20, untrained" : "ResNet-20, trained",
                new ResNet { Depth = 20, Normalization = normalization, Weights = weights }),
        })
        {
            using var scope = Tidy.Scope();
            var classes = source is ResNet && weights is not null ? 10 : images.ClassNames.Count;
            using var model = (NetworkModel)source.Open(images.Shape, classes, new RandomSource(1), ScalarType.Float32, CPU);
            var (place, _) = model.Head!.Value;
            var width = (int)model.Parameters[place].shape[1];
            var body = new Network(images.Shape, width, model.Network.Layers.SkipLast(1).ToValueList());
            using var trunk = new NetworkModel(body, model.Normalization,
                [.. body.Layout().Entries.Select(entry => model.Parameters[model.Layout.IndexOf(entry.Name)].detach().alias())],
                model.Buffers.ToDictionary(pair => pair.Key, pair => pair.Value.alias()));
            using var _ = no_grad();
            var shape = images.Shape;
            Tensor Batch(float[][] part) =>
                tensor([.. part.SelectMany(values => values)], [part.Length, shape.Channels, shape.Height, shape.Width]);
            var features = pixels.Chunk(100)
                .SelectMany(part => trunk.Logits(Batch(part)).contiguous().data<float>().ToArray().Chunk(width)).ToArray();
            using var generator = new RandomSource(1).Derive("soft head").Generator(CPU);
            // A trained head where it has the right classes, else a fresh one.
            var head = model.Classes == images.ClassNames.Count ? model.Parameters[place].detach()
                : empty([images.ClassNames.Count, width]).uniform_(-1 / Math.Sqrt(width), 1 / Math.Sqrt(width), generator);
            yield return (name, features, head.contiguous().data<float>().ToArray());
        }
    }

    private SoftResult Measure(string model, string data, float[][] features, float[] weight, ImageSet images, bool smooth)
    {
        var (classes, width) = (images.ClassNames.Count, features[0].Length);
        var draw = new RandomSource(1).Derive(smooth ? "smoothing" : "mixup").Managed();
        var (right, listed, open, wrong, times) = (0, 0, 0, 0, new List<double>());
        for (var i = 0; i < count; i++)
        {
            var (truth, feature) = (new double[classes], features[i % features.Length]);
            var (share, first, second) = (draw.NextDouble(), draw.Next(classes), draw.Next(classes));
            for (var c = 0; c < classes && smooth; c++)
                truth[c] = share / 2 / classes;
            truth[first] += smooth ? 1 - share / 2 : share;
            truth[second] += smooth ? 0 : 1 - share;
            var gradient = Gradient(feature, weight, truth);
            var begin = Stopwatch.GetTimestamp();
            var found = SoftLabels.OfRows([.. weight.Select(value => (double)value)], gradient, classes, width);
            times.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            var near = found.Any(label => Distance(label.Label, truth) < Tolerance);
            if (found is [{ Fits: true }])
                (right, wrong) = near ? (right + 1, wrong) : (right, wrong + 1);
            else
                (listed, open) = near ? (listed + 1, open) : (listed, open + 1);
        }
        times.Sort();
        var milliseconds = (times[count / 2], times[(int)(0.99 * (count - 1))]);
        return new(model, data, smooth ? "smoothed" : "mixup", count, right, listed, open, wrong, milliseconds);
    }

    /// <summary>(p - y) h' in single precision.</summary>
    private static double[] Gradient(float[] feature, float[] weight, double[] truth)
    {
        using var scope = Tidy.Scope();
        var (h, w) = (tensor(feature), tensor(weight, [truth.Length, feature.Length]));
        var error = w.mv(h).softmax(0) - tensor(truth).to(ScalarType.Float32);
        return error.outer(h).to(ScalarType.Float64).contiguous().data<double>().ToArray();
    }

    private static double Distance(ValueList<double> label, double[] truth) =>
        label.Zip(truth, (found, real) => Math.Abs(found - real)).Max();
}
