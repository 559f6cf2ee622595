using System.Diagnostics;
using Afterimage.Federation;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// A way from what the server sees to the images. Every attack is run, measured and judged here; a leaf says what it can read and searches.
/// </summary>
public abstract record Attack : ISettings
{
    /// <summary>What of the update may stay unexplained where a reconstruction counts as converged and no channel leaves more.</summary>
    public const double ExplainedMisfit = 1e-3;

    /// <summary>What rounding may leave of an update that equations explain.</summary>
    private const double ProvenMisfit = 1e-2;

    /// <summary>A misfit at the rounding of single precision, which settles every doubt.</summary>
    private const double Doubtless = 1e-5;

    /// <summary>Copies of all parameters that a first-order search holds at once, the graph of its second derivative among them.</summary>
    private const long Copies = 8;

    /// <summary>The equation that is solved or minimized, in words and symbols; null for an attack that its name says enough of.</summary>
    public virtual string? Equation => null;

    /// <summary>How labels are recovered; null where the search finds them itself.</summary>
    public virtual LabelRule? Rule => null;

    /// <summary>Whether <see cref="Rule"/> is applied before the search, which then has the labels.</summary>
    protected virtual bool RecoversFirst => Rule is not null;

    /// <summary>Iterations at most, for progress; 0 where it is not known.</summary>
    public virtual int Budget => 0;

    /// <summary>Seconds that one run may take where nobody says; null for as long as it takes.</summary>
    /// <param name="batch">Images of the batch, as far as they are known beforehand; 1 otherwise.</param>
    public virtual double? DefaultSeconds(int batch) => null;

    /// <inheritdoc/>
    public virtual string? Fault => null;

    /// <summary>
    /// Whether a network that was trained on images beforehand says what images are like. What it makes up of itself must be told from what
    /// the update gave away.
    /// </summary>
    public virtual bool HasTrainedPrior => false;

    /// <summary>Whether it learns from the public images of a context where there are some.</summary>
    public virtual bool UsesPublicImages => false;

    /// <summary>Images [count,C,H,W] that its trained prior makes without any update; null where it makes none.</summary>
    /// <param name="context">The round; nothing of its update is used.</param>
    /// <param name="count">How many.</param>
    /// <param name="random">Chooses them.</param>
    public virtual Tensor? Imagine(AttackContext context, int count, RandomSource random) => null;

    /// <summary>This attack with so many starts at most; null where it makes none.</summary>
    public virtual Attack? WithRestarts(int restarts) => null;

    /// <summary>This attack with so many iterations of one start at most; null where it does not iterate.</summary>
    public virtual Attack? WithIterations(int iterations) => null;

    /// <summary>This attack under another label rule; null where it finds labels itself.</summary>
    public virtual Attack? WithLabels(LabelRule rule) => null;

    /// <summary>Why this attack cannot read a round, one sentence with advice; null when it can be tried. Costs next to nothing.</summary>
    public virtual string? Refusal(AttackContext context) => null;

    /// <summary>
    /// Bytes that one run takes at most: model and update in its precision, the gradients behind products and what they are compared with.
    /// </summary>
    protected virtual long Memory(AttackContext context) =>
        (InDouble ? sizeof(double) : sizeof(float)) * Copies * context.Model.Layout.Count;

    /// <summary>Why this attack is not run on a round, one sentence with advice; null when it is.</summary>
    internal string? Reason(AttackContext context) => Several(context) ?? Unreadable(context.Observation.Channel) ?? Refusal(context)
        ?? (FreeMemory.Lack(Memory(context)) is { } lack ? $"For {context.Observation.BatchSize:N0} images of {context.Model.Input} " +
            $"behind a model of {context.Model.Layout.Count:N0} parameters this attack needs {lack}: use one that solves equations, such " +
            "as \"batch-separation\", or a machine with more memory." : null);

    /// <summary>Effects of a channel under which the attack can read an update.</summary>
    protected virtual ChannelEffects Reads => ChannelEffects.Noise | ChannelEffects.Rounding;

    /// <summary>Whether the attack reads the updates of several rounds of one batch jointly.</summary>
    protected virtual bool ReadsSeveralRounds => false;

    /// <summary>Whether model and update are converted to double precision for the search.</summary>
    protected virtual bool InDouble => false;

    /// <summary>Whether the search can go on to optimize labels together with the images.</summary>
    protected virtual bool RefinesLabels => false;

    /// <summary>The relative misfit below which a reconstruction has converged, where the channel leaves less.</summary>
    protected virtual double ConvergedBelow => ExplainedMisfit;

    /// <summary>What to do when the search did not converge, the end of a sentence.</summary>
    protected virtual string Advice => "give it more iterations, restarts or time, or use another attack";

    /// <summary>Looks for the images, in a scope that ends with the run.</summary>
    /// <exception cref="AfterimageException">The round turned out to be one that the attack cannot read; it gives advice.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped; a leaf that has found something catches it.</exception>
    protected abstract SearchResult Search(AttackRun run);

    /// <summary>Runs the attack. Cancellation and the end of the time that the context grants keep the best found so far.</summary>
    /// <param name="context">What the server sees and knows.</param>
    /// <param name="watch">Called at every iterate.</param>
    /// <param name="cancellation">Stops the run.</param>
    /// <exception cref="AfterimageException">The attack's own settings mean nothing.</exception>
    public Reconstruction Run(AttackContext context, Action<Iterate>? watch = null, CancellationToken cancellation = default)
    {
        Settings.Check(this);
        var clock = Stopwatch.StartNew();
        using var scope = Tidy.Scope();
        if (Reason(context) is { } refusal)
            return Nothing(context, new(OutcomeKind.Refused, refusal), clock);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (context.Seconds is <= 0)
            timer.Cancel();
        else if (context.Seconds is { } seconds)
            timer.CancelAfter(TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue / 1000)));
        var own = InDouble ? context.To(ScalarType.Float64) : null;
        AttackRun? run = null;
        try
        {
            var round = own ?? context;
            if (RecoversFirst)
                round.Say("recovers the labels");
            var labels = RecoversFirst ? Rule!.Recover(round) : null;
            if (labels is { Refine: true } && !RefinesLabels)
                throw new AfterimageException("This attack needs labels before it starts: recover them (\"refined-counts\"), " +
                    "or use \"matching\", which can optimize them.");
            run = new AttackRun(round, labels, watch, clock, timer.Token) { Sent = context.Observation.Update.Flat.dtype };
            round.Say("searches");
            return Conclude(run, Searched(run), cancellation.IsCancellationRequested, clock);
        }
        catch (AfterimageException found)
        {
            return Nothing(context, new(OutcomeKind.Refused, found.Message), clock, run);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested)
        {
            return Nothing(context, Stopped(cancellation.IsCancellationRequested), clock, run);
        }
        finally
        {
            own?.Dispose();
        }
    }

    private string? Several(AttackContext context) => context.Observation.Later is null || (ReadsSeveralRounds && !HasTrainedPrior) ? null
        : "This attack reads the update of one round, and this client sent those of several rounds of one batch: use \"matching\" or " +
            "\"gauss-newton\", which read them jointly.";

    private string? Unreadable(Channel channel) => (channel.Effects & ~Reads) switch
    {
        ChannelEffects.None => null,
        var effects => "This attack needs " +
            ((effects & ChannelEffects.Missing) != 0 ? "every number of the update" : "the update on its own scale") +
            $", and this one was {channel.Description}: use \"matching\", which compares what arrived, or \"best\".",
    };

    /// <summary>Nothing of the search outlives it but the images: what judges them needs memory too.</summary>
    private SearchResult Searched(AttackRun run)
    {
        using var scope = Tidy.Scope();
        var found = Search(run);
        found.Images?.MoveToOuterDisposeScope();
        return found;
    }

    private Reconstruction Conclude(AttackRun run, SearchResult found, bool canceled, Stopwatch clock)
    {
        if (found.Images is not { } images)
            return Nothing(run.Context, run.Stop.IsCancellationRequested ? Stopped(canceled) : Diverged, clock, run, found);
        var misfit = found.RelativeMisfit ?? run.Context.Observation.Misfit(run.Context.Predict(images, found.Labels));
        return new()
        {
            Images = images.to(ScalarType.Float32).cpu().clamp(0, 1).MoveToOuterDisposeScope(),
            Labels = found.Labels,
            Objective = found.Objective ?? misfit,
            RelativeMisfit = misfit,
            Outcome = Judge(misfit, run, found, canceled),
            Evidence = run.Evidence,
            Operator = found.Operator,
            Restart = found.Restart,
            Restarts = found.Restarts,
            Iterations = found.Iterations,
            Evaluations = found.Evaluations,
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

    /// <summary>The only place that says how an attack ended.</summary>
    private Outcome Judge(double misfit, AttackRun run, SearchResult found, bool canceled)
    {
        var stopped = run.Stop.IsCancellationRequested;
        if (!double.IsFinite(misfit))
            return stopped ? Stopped(canceled) : Diverged;
        var explained = Math.Max(found.IsProven ? ProvenMisfit : ConvergedBelow, 1.1 * run.Context.Observation.Floor);
        if (run.Context.Observation.IsDefenseHidden)
            return new(canceled ? OutcomeKind.Canceled : OutcomeKind.BudgetSpent, $"The attack was not told what the client did to its " +
                $"update, so that the {misfit:P1} of it that the reconstruction leaves unexplained cannot be judged, and a poor image is " +
                "no sign of protection: run it with the defense known as well.");
        if (misfit < (found.Doubt is null ? explained : Doubtless))
            return new(OutcomeKind.Converged, $"The reconstruction explains the update up to {misfit:G2} of its norm.");
        if (stopped)
            return new(canceled ? OutcomeKind.Canceled : OutcomeKind.BudgetSpent,
                $"{(canceled ? "Stopped early" : "The time was over")}: the best reconstruction so far leaves {misfit:P1} of the update " +
                $"unexplained, which is no sign of protection{(canceled ? "" : "; give it more time (--budget)")}.");
        return new(OutcomeKind.BudgetSpent, found.Doubt ?? (found.Restarts > 1 ? $"After {found.Restarts} starts the" : "The") +
            $" reconstruction leaves {misfit:P1} of the update unexplained: the attack did not converge, so a poor image here is no sign " +
            $"of protection; {Advice}.");
    }

    private static Outcome Diverged => new(OutcomeKind.Diverged,
        "No start gave a finite objective: lower the learning rate, or check the model's weights and the update for huge values.");

    private static Outcome Stopped(bool canceled) => canceled
        ? new(OutcomeKind.Canceled, "The attack was stopped before its first iterate; run it again to continue.")
        : new(OutcomeKind.BudgetSpent, "The time was over before the first iterate: give the attack more time (--budget).");

    /// <summary>A gray batch: nothing is known of it.</summary>
    private static Reconstruction Nothing(
        AttackContext context, Outcome outcome, Stopwatch clock, AttackRun? run = null, SearchResult? found = null)
    {
        var batch = context.Observation.BatchSize;
        return new()
        {
            Images = full(context.ImagesShape, 0.5, ScalarType.Float32).MoveToOuterDisposeScope(),
            Labels = run?.Recovered ?? new(new int[batch].ToValueList(), new double[batch].ToValueList()),
            Objective = double.NaN,
            RelativeMisfit = double.NaN,
            Outcome = outcome,
            Evidence = run?.Evidence ?? [],
            Restarts = found?.Restarts ?? 0,
            Iterations = found?.Iterations ?? 0,
            Evaluations = found?.Evaluations ?? 0,
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }
}
