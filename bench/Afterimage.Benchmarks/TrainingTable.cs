using System.Globalization;
using System.Text.Json;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.UpdateFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>
/// The same images attacked through the update of several local steps that PyTorch made, and through one gradient; labels are recovered.
/// </summary>
internal static class TrainingTable
{
    public static void Print(TextWriter output, string folder, string[] names)
    {
        set_num_threads(1);
        using var about = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "about.json")));
        var root = about.RootElement;
        var input = root.GetProperty("input").EnumerateArray().Select(size => size.GetInt32()).ToArray();
        var shape = new ImageShape(input[0], input[1], input[2]);
        var classes = root.GetProperty("classes").GetInt32();
        var local = root.GetProperty("local_training");
        var training = new FedAvg
        {
            Epochs = local.GetProperty("epochs").GetInt32(),
            BatchSize = local.GetProperty("batch_size").GetInt32(),
            LearningRate = local.GetProperty("learning_rate").GetDouble(),
        };
        var source = new TorchScriptFile(Path.Combine(folder, "model.pt"))
        {
            Normalization = new(Numbers(root.GetProperty("mean")), Numbers(root.GetProperty("std"))),
        };
        using var scope = NewDisposeScope();
        var model = source.Open(shape, classes, new(1), ScalarType.Float32, CPU);
        var truth = ArrayFile.Read(Path.Combine(folder, "truth.npz"));
        var images = truth["images"].ToTensor(ScalarType.Float32, CPU);
        var labels = truth["labels"].ToInt64().Select(label => (int)label).ToValueList();
        var sent = UpdateFile.Read(Path.Combine(folder, "update.npz")).Match(model.Layout, ScalarType.Float32, CPU);
        var gradient = new FedSgd().Linearize(model, new(images, new Labels(labels, []).Targets(classes, ScalarType.Float32, CPU))).Value;
        output.WriteLine("attack               update            PSNR of each image (dB)              mean  misfit    labels   CPU s");
        foreach (var name in names)
            foreach (var (what, update, how) in ((string, GradientSet, LocalTraining)[])
                [("weight difference", sent, training), ("one gradient", gradient, new FedSgd())])
            {
                using var context = new AttackContext
                {
                    Model = model,
                    Observation = new() { Update = update, Training = how, BatchSize = labels.Count },
                    Random = new RandomSource(1),
                };
                var begin = Environment.CpuUsage.TotalTime;
                var attack = Catalog.Standard.Read<Attack>(name.StartsWith('{') ? name : $"\"{name}\"", "The command line");
                using var found = attack.Run(context);
                var seconds = (Environment.CpuUsage.TotalTime - begin).TotalSeconds;
                var (original, seen) = (Batch(shape, images), Batch(shape, found.Images));
                var places = Matching.Of(original, seen);
                var ratios = places.Select((place, i) => new PeakSignalToNoise().Measure(original[i], seen[place])).ToArray();
                var right = places.Where((place, i) => found.Labels.Classes[place] == labels[i]).Count();
                var each = string.Join(" ", ratios.Select(ratio => ratio.ToString("F1", CultureInfo.InvariantCulture)));
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-20} {what,-17} {each,-36} {ratios.Average(),5:F1} " +
                    $"{found.RelativeMisfit,8:E1} {right,3} of {labels.Count} {seconds,7:F0}"));
                foreach (var note in found.Evidence.Select(note => note.Sentence))
                    output.WriteLine($"    {note}");
            }
    }

    private static ImageBatch Batch(ImageShape shape, Tensor images) =>
        new(shape, images.cpu().contiguous().data<float>().ToArray().Chunk(shape.Count));

    private static ValueList<double> Numbers(JsonElement list) => list.EnumerateArray().Select(number => number.GetDouble()).ToValueList();
}
