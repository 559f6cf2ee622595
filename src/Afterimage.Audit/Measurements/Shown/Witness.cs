using System.Collections.Immutable;
using System.Diagnostics;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>Watches an attack: the curve of its objective, images on the way, and events for whoever looks on.</summary>
internal sealed class Witness(string caseId, ImageShape shape, Action<AuditEvent> publish)
{
    private const double EventSeconds = 0.1, ThumbnailSeconds = 0.5;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Dictionary<int, (List<CurvePoint> Curve, List<(int Iteration, float[][] Images)> Path)> restarts = [];
    private readonly Dictionary<int, int> evaluations = [];
    private double nextEvent;
    private double nextThumbnail;

    public void See(Iterate seen)
    {
        lock (restarts)
            Note(seen);
    }

    private void Note(Iterate seen)
    {
        if (!restarts.TryGetValue(seen.Restart, out var restart))
            restarts[seen.Restart] = restart = ([], []);
        evaluations[seen.Restart] = seen.Evaluations;
        if (double.IsFinite(seen.Objective) && (restart.Curve.Count == 0 || seen.Evaluations >= restart.Curve[^1].Evaluation * 1.02))
            restart.Curve.Add(new(seen.Evaluations, seen.Objective));
        if (seen.Iteration == 0 || int.IsPow2(seen.Iteration))
            restart.Path.Add((seen.Iteration, Images(seen)));
        var now = clock.Elapsed.TotalSeconds;
        if (now < nextEvent)
            return;
        nextEvent = now + EventSeconds;
        Thumbnail? thumbnail = null;
        if (now >= nextThumbnail)
        {
            nextThumbnail = now + ThumbnailSeconds;
            thumbnail = Strip(Images(seen));
        }
        publish(new IterateSeen(caseId, seen.Restart, seen.Iteration, evaluations.Values.Sum(), seen.Objective, thumbnail));
    }

    /// <summary>The curves of the first restarts; others may have been begun ahead of time and not been used.</summary>
    public ImmutableArray<Curve> Curves(int count) => [.. restarts.Where(pair => pair.Key < count).OrderBy(pair => pair.Key)
        .Select(pair => new Curve($"start {pair.Key + 1}", [.. pair.Value.Curve]))];

    /// <summary>Images on the way of one restart, each with its iteration.</summary>
    public IReadOnlyList<(int Iteration, float[][] Images)> Path(int restart) => restarts.GetValueOrDefault(restart).Path ?? [];

    private static float[][] Images(Iterate seen)
    {
        using var scope = Tidy.Scope();
        return Tensors.Split(seen.Images());
    }

    private Thumbnail Strip(float[][] images)
    {
        var shown = images.Take(4).Select(image => Pictures.Rgb(shape, image)).ToArray();
        var (width, row) = (shape.Width * shown.Length, shape.Width * 3);
        var strip = new byte[width * shape.Height * 3];
        for (var i = 0; i < shown.Length; i++)
            for (var y = 0; y < shape.Height; y++)
                shown[i].AsSpan(y * row, row).CopyTo(strip.AsSpan((y * width + i * shape.Width) * 3));
        return new(width, shape.Height, strip);
    }
}
