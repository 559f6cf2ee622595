using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// The distance between the BatchNorm statistics of the images and known ones (Yin et al., 2021): the sum over layers of
/// |mean - mean'| + |variance - variance'|, Euclidean norms over channels.
/// </summary>
[Cites("yin2021see")]
public sealed record BatchNormStatistics : Prior
{
    /// <summary>Which statistics are known.</summary>
    public StatisticsSource Source { get; init; } = StatisticsSource.Best;

    /// <summary>Weight of the first layer; that of every other layer is 1.</summary>
    [Range(0, 1e9)]
    public double FirstLayer { get; init; } = 10;

    /// <inheritdoc/>
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var targets = Targets(context);
        return trial =>
        {
            if (targets is null || trial.Trace.Normalized.Count == 0)
                return trial.Images.sum() * 0;
            var terms = trial.Trace.Normalized.Select((seen, place) =>
            {
                var (mean, variance) = targets[seen.Layer.Name];
                var difference = (seen.Input.mean([0, 2, 3]) - mean).norm()
                    + (seen.Input.var([0, 2, 3], unbiased: false) - variance).norm();
                return place == 0 ? difference * FirstLayer : difference;
            }).ToArray();
            return stack(terms).sum();
        };
    }

    private LayerStatistics? Targets(AttackContext context)
    {
        var observation = context.Observation;
        return Source switch
        {
            StatisticsSource.Running => LayerStatistics.Running(context.Model),
            StatisticsSource.Revealed => observation.BatchStatistics
                ?? throw new AfterimageException("The BatchNorm prior is set to revealed statistics, but the threat model reveals none: " +
                    "reveal the batch statistics, or use the running ones."),
            StatisticsSource.Inferred => Inferred(context)
                ?? throw new AfterimageException("The BatchNorm prior is to infer the batch's statistics, but the client sends no " +
                    "running statistics: reveal them, or use those before the round."),
            StatisticsSource.Batch => observation.BatchStatistics ?? Inferred(context),
            _ => observation.BatchStatistics ?? Inferred(context) ?? LayerStatistics.Running(context.Model),
        };
    }

    private static LayerStatistics? Inferred(AttackContext context) => context.Observation.RunningStatistics is { } after
        ? after.Inferred(context.Model, context.Observation.BatchSize, context.Observation.Training)
        : null;
}

/// <summary>Which BatchNorm statistics a prior compares with.</summary>
public enum StatisticsSource
{
    /// <summary>The most specific that are known: revealed, else inferred, else running.</summary>
    Best,

    /// <summary>The batch's own, revealed or inferred; where neither is known the prior is zero.</summary>
    Batch,

    /// <summary>The shared model's running statistics, an average over the data of all clients.</summary>
    Running,

    /// <summary>The batch's own, as the threat model reveals them.</summary>
    Revealed,

    /// <summary>The batch's own, inferred from the running statistics that the client sends after its round.</summary>
    Inferred,
}
