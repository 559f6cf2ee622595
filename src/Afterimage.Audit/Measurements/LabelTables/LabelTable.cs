using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>
/// Every label rule on the same updates: models by batch sizes by mixes of labels by local training by seeds. An update is computed once
/// for all rules and written down at once, so that an interrupted table goes on where it was.
/// </summary>
public sealed class LabelTable(LabelTableOptions options)
{
    /// <summary>The file of results in the table's folder, one line of JSON for each.</summary>
    public const string FileName = "labels.jsonl";

    private static readonly LabelMix[] Mixes = [LabelMix.Distinct, LabelMix.Balanced, LabelMix.Repeated];

    /// <summary>The rules by the names that the table gives them.</summary>
    public static IReadOnlyList<(string Name, LabelRule Rule)> Rules { get; } =
    [
        ("refined-counts", new RefinedCounts()),
        ("instance-counts (iLRG)", new InstanceCounts()),
        ("update-counts (RLU)", new UpdateCounts()),
        ("row-sums (LLG)", new RowSums()),
        ("row-sums dummy (LLG*)", new RowSums { Dummy = true }),
        ("bias-corrected", new BiasCorrected()),
        ("minimum-row (GradInversion)", new MinimumRow()),
        ("separating-hyperplane (RLG)", new SeparatingHyperplane()),
    ];

    /// <summary>Runs what is missing and returns all results.</summary>
    /// <param name="progress">Told after every model and seed: done, all, and what it was.</param>
    public IReadOnlyList<LabelResult> Run(Action<int, int, string>? progress = null, CancellationToken cancellation = default)
    {
        var subjects = Subjects();
        Directory.CreateDirectory(options.Folder);
        var path = Path.Combine(options.Folder, FileName);
        if (!options.Resume)
            File.Delete(path);
        var known = File.Exists(path) ? File.ReadLines(path).Select(LabelResult.OfLine).OfType<LabelResult>().ToList() : [];
        var images = options.Data.Open();
        var labels = Enumerable.Range(0, images.Count).Select(index => images[index].Label).ToArray();
        var work = subjects.SelectMany(subject => Enumerable.Range(0, options.Seeds).Select(seed => (subject, seed))).ToArray();
        using var file = File.AppendText(path);
        for (var i = 0; i < work.Length && !cancellation.IsCancellationRequested; i++)
        {
            var (subject, seed) = work[i];
            var done = known.Where(result => result.Model == subject.Name && result.Seed == seed).Select(result => result.Key).ToHashSet();
            foreach (var result in Measure(subject, seed, images, labels, done, cancellation))
            {
                known.Add(result);
                file.WriteLine(result.ToLine());
                file.Flush();
            }
            progress?.Invoke(i + 1, work.Length, $"{subject.Name}, seed {seed}");
        }
        return known;
    }

    private IReadOnlyList<LabelSubject> Subjects()
    {
        var all = LabelSubject.All(options.Weights);
        var wanted = options.Models.Count == 0 ? [.. all] : all.Where(subject => options.Models.Contains(subject.Name)).ToList();
        return wanted.Count == 0 || wanted.Count < options.Models.Count
            ? throw new AfterimageException($"The table knows the models {string.Join(", ", all.Select(subject => subject.Name))}; " +
                $"it was asked for {options.Models}{(options.Weights is null ? " (resnet-20-trained needs --weights)." : ".")}")
            : wanted;
    }

    private IEnumerable<LabelResult> Measure(LabelSubject subject, int seed, ImageSet images, int[] labels,
        HashSet<(string, int, int, string, int)> done, CancellationToken cancellation)
    {
        using var scope = Tidy.Scope();
        var random = new RandomSource(options.Seed).Derive(subject.Name, seed);
        using var model = subject.Source.Open(images.Shape, images.ClassNames.Count, random.Derive("model"), ScalarType.Float32, CPU);
        foreach (var batch in options.Batches)
            foreach (var mix in Mixes)
            {
                bool Missing(int epochs) => !done.Contains((subject.Name, seed, batch, mix.ToString(), epochs));
                var missing = options.Epochs.Where(Missing).Order().ToArray();
                if (missing.Length == 0 || cancellation.IsCancellationRequested || Chosen(labels, batch, mix, random) is not { } chosen)
                    continue;
                foreach (var result in Measure(subject, seed, model, [.. chosen.Select(index => images[index])], mix, missing))
                    yield return result;
            }
    }

    private static List<LabelResult> Measure(
        LabelSubject subject, int seed, VictimModel model, LabeledImage[] shown, LabelMix mix, int[] epochs)
    {
        using var scope = Tidy.Scope();
        var (batch, truth) = (shown.Length, shown.Select(image => image.Label).ToValueList());
        var shape = model.Input;
        var images = tensor([.. shown.SelectMany(image => image.Pixels)], [batch, shape.Channels, shape.Height, shape.Width]);
        var targets = new Labels(truth, []).Targets(model.Classes, ScalarType.Float32, CPU);
        var rounds = new LabelRounds(model, subject.Mode);
        var local = new FedAvg { BatchSize = Math.Clamp(batch / 4, 1, 16), LearningRate = subject.LearningRate, Mode = subject.Mode };
        var results = new List<LabelResult>();
        if (epochs.Contains(0))
            results.Add(Judge(subject, seed, model, truth, mix, rounds.Gradient(images, targets), new FedSgd { Mode = subject.Mode }, 0));
        var differences = epochs.Where(epoch => epoch > 0).ToArray();
        foreach (var (epoch, update) in differences.Zip(rounds.Differences(images, targets, local, differences)))
            results.Add(Judge(subject, seed, model, truth, mix, update, local with { Epochs = epoch }, epoch));
        return results;
    }

    private static LabelResult Judge(LabelSubject subject, int seed, VictimModel model, ValueList<int> truth, LabelMix mix,
        GradientSet update, LocalTraining training, int epochs)
    {
        using var context = new AttackContext
        {
            Model = model,
            Observation = new() { Update = update, Training = training, BatchSize = truth.Count },
            Random = new RandomSource((ulong)seed).Derive("attack"),
        };
        var result = new LabelResult(subject.Name, seed, truth.Count, mix.ToString(), epochs, [], [], []);
        foreach (var (name, rule) in Rules)
            try
            {
                var found = rule.Recover(context);
                result.Accuracy[name] = LabelAccuracy.Of(truth, found.Classes);
                result.Confidence[name] = [.. found.Counts.Select(count => Math.Round(count.Confidence, 4))];
                result.Right[name] = [.. found.Counts.Select(count => truth.Count(label => label == count.Class) == count.Count)];
            }
            catch (AfterimageException)
            {
                result.Accuracy[name] = null;
            }
        return result;
    }

    /// <summary>Images with the wanted mix of labels, in random order; null where the data cannot have it.</summary>
    private static int[]? Chosen(int[] labels, int batch, LabelMix mix, RandomSource random)
    {
        var draw = random.Derive($"{mix} {batch}").Managed();
        var order = Enumerable.Range(0, labels.Length).ToArray();
        draw.Shuffle(order);
        var left = new LinkedList<int>(order);
        var chosen = new List<int>();
        foreach (var label in mix.Wanted(batch, order.Select(index => labels[index]))!)
        {
            var node = left.First;
            while (node is not null && labels[node.Value] != label)
                node = node.Next;
            if (node is null)
                return null;
            chosen.Add(node.Value);
            left.Remove(node);
        }
        var images = chosen.ToArray();
        draw.Shuffle(images);
        return images;
    }
}
