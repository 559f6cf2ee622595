using Afterimage.Federation;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// The best that Afterimage can do inside a time: methods in the order of <see cref="BestPolicy"/>, exact ones first, each with a share of
/// the time that is left, until one explains the update as well as it can be explained. What was found is kept; the evidence says what
/// was tried, what was left out, and why.
/// </summary>
public sealed record Best : Attack
{
    /// <summary>For the methods that look for images of known labels; closed forms find the labels themselves.</summary>
    public LabelRule Labels { get; init; } = new RefinedCounts();

    /// <summary>
    /// A file of "afterimage train inverter", or a folder of them, of which the one for this model and channel is tried as well; null for
    /// none.
    /// </summary>
    public string? Inverter { get; init; }

    /// <summary>Starts of every method that makes several; null leaves each its own number.</summary>
    [Range(1, 100_000)]
    public int? Restarts { get; init; }

    /// <summary>Iterations of one start of every method that iterates; null leaves each its own number.</summary>
    [Range(1, 100_000_000)]
    public int? Iterations { get; init; }

    /// <inheritdoc/>
    public override string Equation => "the first of these that explains the update: bias attack, patch embedding, sparse columns, " +
        "recursion, features of smooth convolutions, separation of the batch, " +
        "Gauss-Newton, search from the head down, gradient matching by distances and by directions; " +
        $"labels: {PartKind.Of(Labels.GetType())}";

    /// <inheritdoc/>
    public override LabelRule? Rule => Labels;

    /// <inheritdoc/>
    public override bool UsesPublicImages => true;

    /// <inheritdoc/>
    public override bool HasTrainedPrior => Inverter is not null;

    /// <inheritdoc/>
    public override double? DefaultSeconds(int batch) => Math.Min(300 + 60 * (batch - 1.0), 600);

    /// <inheritdoc/>
    public override Attack? WithRestarts(int restarts) => this with { Restarts = restarts };

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Iterations = iterations };

    /// <inheritdoc/>
    public override Attack? WithLabels(LabelRule rule) => this with { Labels = rule };

    /// <inheritdoc/>
    protected override bool RecoversFirst => false;

    /// <inheritdoc/>
    protected override ChannelEffects Reads => ChannelEffects.All;

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var methods = BestPolicy.Methods(run.Context, Labels, Inverter)
            .Select(method => method with { Attack = Configured(method.Attack) }).ToList();
        var ladder = new BestLadder(run, methods.Count);
        try
        {
            for (var i = 0; i < methods.Count; i++)
                if (ladder.IsOver)
                    run.Note(new MethodSkipped(methods[i].Name, ladder.Reason));
                else
                    ladder.Try(methods[i], methods[i..]);
            return ladder.Result();
        }
        finally
        {
            ladder.Dispose();
        }
    }

    private Attack Configured(Attack attack)
    {
        if (Restarts is { } restarts)
            attack = attack.WithRestarts(restarts) ?? attack;
        if (Iterations is { } iterations)
            attack = attack.WithIterations(iterations) ?? attack;
        return attack;
    }
}
