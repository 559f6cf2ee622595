using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// The most probable images given the update, by Gauss-Newton steps in double precision. Minimizes |W (A(x) - y)|^2 / sigma^2 +
/// (x - m)' S^-1 (x - m) with the mean m and covariance S of public images, or of photographs as such (Ruderman, 1997), every tensor
/// weighted alike, and sigma falling from 1 to the precision of the update. For smooth networks (Nocedal and Wright, 2006, chapter 10).
/// Where the batch is smaller than the number of classes the features of every image are first read from the head's gradient, which
/// tells apart images of one label. A total variation (Rudin, Osher and Fatemi, 1992) and the box may join as further residuals.
/// </summary>
[Cites("nocedal2006numerical", "ruderman1997origins", "rudin1992nonlinear")]
public sealed record GaussNewton : IterativeAttack
{
    // Bytes of columns of the Jacobian.
    private const long MostHeld = 8_000_000_000;

    /// <summary>Four restarts.</summary>
    public GaussNewton() => Restarts = 4;

    /// <summary>Images whose mean and covariance stand for the client's; null takes photographs as such, without data.</summary>
    public DataSource? Public { get; init; }

    /// <summary>Whether to learn from the round's public images where <see cref="Public"/> names none.</summary>
    public bool PublicAtHand { get; init; }

    /// <inheritdoc/>
    protected override bool ReadsSeveralRounds => true;

    /// <inheritdoc/>
    public override bool UsesPublicImages => PublicAtHand && Public is null;

    /// <summary>How many of the public images are read.</summary>
    [Range(2, 1_000_000)]
    public int PublicCount { get; init; } = 4000;

    /// <summary>Whether features are first read from the head's gradient, where that is possible.</summary>
    public bool SplitHead { get; init; } = true;

    /// <summary>
    /// A first-order attack that runs first, with the same labels; the first start is what it found, and sigma begins at what that
    /// leaves unexplained. It helps on networks with kinks, where Gauss-Newton steps only polish.
    /// </summary>
    public GradientMatching? First { get; init; }

    /// <summary>
    /// On networks with (leaky) ReLU: stages in which every kink is smoothed, slope x + (1 - slope) log(1 + exp(s x)) / s, with growing s;
    /// the network itself comes last. Empty for the network itself alone.
    /// </summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public ValueList<double> Sharpness { get; init; } = [4, 16, 64];

    /// <summary>Weight of a total variation beside the Gaussian: twice the negative log-probability per unit of difference.</summary>
    [Range(0, 1e9)]
    public double TotalVariation { get; init; }

    /// <summary>Whether pixels outside [0,1] are taken for improbable, with a deviation of 0.001.</summary>
    public bool Box { get; init; }

    /// <summary>Steps of one restart at most.</summary>
    [Range(1, 1_000_000)]
    public int Steps { get; init; } = 60;

    /// <summary>Size of the draw at the start, in deviations of public images around their mean.</summary>
    [Range(0, 1e3)]
    public double StartDeviation { get; init; } = 0.3;

    /// <summary>The last sigma: the precision of the update, relative to the root mean square of each of its tensors; more where
    /// clients are known to add more noise.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double Noise { get; init; } = 2e-6;

    /// <summary>
    /// Unknowns of the batch that are solved for directly; conjugate gradients do the rest, and do it alone where their columns of the
    /// Jacobian take more than 8 GB. 0 where a product with the Jacobian is dear.
    /// </summary>
    [Range(0, 20_000)]
    public int Direct { get; init; } = 1536;

    /// <summary>
    /// Unknowns of the batch up to which all are solved for directly once the conjugate gradients become long; memory grows with the
    /// square (2.5 GB for 6,144).
    /// </summary>
    [Range(0, 20_000)]
    public int Exact { get; init; } = 6144;

    /// <summary>
    /// A restart whose weighted residual ends with a root mean square below this has converged, and no further one is tried; 0 tries all.
    /// </summary>
    [Range(0, 1)]
    public double Tolerance { get; init; } = 1e-4;

    /// <inheritdoc/>
    public override string Equation => $"min over x: |W (A(x) - y)|^2 / sigma^2 + (x - m)' S^-1 (x - m), sigma falling to {Noise:G2}\n" +
        $"by Gauss-Newton steps from {Restarts} starts at most; m and S of {(Public is null ? "photographs as such" : "public images")}; " +
        $"W: every tensor alike; labels: {PartKind.Of(Labels.GetType())}";

    /// <inheritdoc/>
    public override int Budget => Restarts * Steps;

    /// <inheritdoc/>
    public override bool HasTrainedPrior => First is { HasTrainedPrior: true };

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random) => First?.Imagine(context, count, random);

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Steps = iterations };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => context.Model.Device.type == DeviceType.CPU ? null
        : "Gauss-Newton solves its systems on the CPU: load the model there.";

    // Columns of the Jacobian are held together, each as long as the update.
    /// <inheritdoc/>
    protected override long Memory(AttackContext context)
    {
        var unknowns = (long)context.Observation.BatchSize * context.Model.Input.Count;
        var (leading, all) = Held(context.Observation.Update.Layout.Count, unknowns);
        var columns = Math.Max(leading > 0 ? Math.Min(unknowns, leading + LeadingPreconditioner.Chunk) : 0, all ? unknowns : 0);
        return base.Memory(context) + columns * sizeof(double) * context.Observation.Update.Layout.Count;
    }

    /// <summary>How many columns are treated exactly, and whether all may be: none where they do not fit into memory.</summary>
    internal (long Leading, bool All) Held(long parameters, long unknowns)
    {
        var most = MostHeld / sizeof(double) / parameters;
        return (Math.Min(Direct, unknowns) <= most ? Direct : 0, unknowns > Direct && unknowns <= Math.Min(Exact, most));
    }

    /// <inheritdoc/>
    protected override ChannelEffects Reads => ChannelEffects.All;

    /// <inheritdoc/>
    protected override bool InDouble => true;

    /// <inheritdoc/>
    protected override double ConvergedBelow => Math.Max(Tolerance, ExplainedMisfit);

    /// <inheritdoc/>
    protected override string Advice => "give it more steps, restarts or time, or use a first-order attack";

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var (context, labels) = (run.Context, run.Labels);
        var statistics = ImageModel(run);
        var channel = context.Observation.Channel;
        var separable = context.Observation.Training is FedSgd { Loss.Reduction: Models.Reduction.Mean } training
            && (channel.Effects & (ChannelEffects.Mapped | ChannelEffects.Scaled)) == 0
            && (training.Mode == Models.ModelMode.Eval || context.Model.Buffers.Count == 0);
        HeadFactors? head = null;
        if (separable && SplitHead && (channel.Effects & ChannelEffects.Missing) == 0)
            (labels, head) = BatchFeatures.Read(context, statistics, labels);
        run.Note(new HeadFeatures(head?.Residual));
        var targets = labels.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device);
        PosteriorProblem Problem(AttackContext round) =>
            new(round, statistics, new(TotalVariation, Box), targets, head, separable, run.Stop);
        var problem = Problem(context);
        var solvers = Solvers(context, problem);
        var noise = Math.Max(Noise, channel.RelativeDeviation(context.Observation.Update));
        PosteriorDescent? best = null;
        var (steps, evaluations, tried) = (0, 0, 0);
        while (tried < Restarts && !run.Stop.IsCancellationRequested)
        {
            var restart = tried++;
            var (stepsBefore, evaluationsBefore) = (steps, evaluations);
            var (start, sigma, spent) = Start(run, problem, restart);
            evaluations += spent;
            void Follow(PosteriorDescent descent)
            {
                while (!descent.Finished && descent.Steps < Steps && !run.Stop.IsCancellationRequested)
                    if (descent.TryAdvance(run.Stop))
                        run.See(new(restart, steps - stepsBefore + descent.Steps - 1, descent.Objective,
                            evaluations - evaluationsBefore + descent.Evaluations, () => problem.Decode(descent.Point).clamp(0, 1)));
                steps += descent.Steps;
                evaluations += descent.Evaluations;
            }

            var sharpnesses = context.Observation.Later is null && SmoothedModel.Applies(context.Model) ? Sharpness : [];
            foreach (var sharpness in sharpnesses)
            {
                using var inner = Tidy.Scope();
                var (round, model) = SmoothedModel.Of(context, sharpness);
                using (model)
                using (round)
                {
                    var smooth = Problem(round);
                    // A smoothed network is fitted no more closely than it agrees with the real one.
                    var floor = Math.Max(noise, problem.Difference(smooth, start));
                    var descent = new PosteriorDescent(restart, smooth, Solvers(round, smooth), start, sigma, floor);
                    Follow(descent);
                    sigma = descent.Sigma;
                }
            }
            var last = new PosteriorDescent(restart, problem, solvers, start, sigma, noise);
            Follow(last);
            if (best is null || last.Misfit < best.Misfit)
                best = last;
            if (best.Misfit < Math.Max(Tolerance, 1.1 * noise))
                break;
        }
        return new()
        {
            Images = best is null ? null : problem.Decode(best.Point).clamp(0, 1),
            Labels = labels,
            Objective = best?.Objective,
            Operator = context.Operator.Reason,
            Restart = best?.Restart ?? 0,
            Restarts = tried,
            Iterations = steps,
            Evaluations = evaluations,
        };
    }

    private (LeadingPreconditioner Leading, DirectSolver? Whole) Solvers(AttackContext context, PosteriorProblem problem)
    {
        var (leading, all) = Held(context.Observation.Update.Layout.Count, problem.Unknowns);
        return (new(problem, leading), all ? new DirectSolver(problem) : null);
    }

    /// <summary>A draw from the model of images, or what the first attack found; the first sigma; evaluations that it took.</summary>
    private (Tensor Z, double Sigma, int Evaluations) Start(AttackRun run, PosteriorProblem problem, int restart)
    {
        var context = run.Context;
        if (First is not null && restart == 0)
        {
            using var found = (First with { Labels = Labels }).Run(context, run.Watch, run.Stop);
            var z = problem.Statistics.Explain(found.Images.to(ScalarType.Float64)).view(-1);
            return (z, problem.Misfit(z), found.Evaluations);
        }
        using var generator = context.Random.Derive("restart", restart).Generator(context.Model.Device);
        return (randn([problem.Unknowns], ScalarType.Float64, generator: generator) * StartDeviation, 1, 0);
    }

    /// <summary>What is believed of images before the update is seen.</summary>
    /// <param name="shape">Of one image.</param>
    /// <param name="images">Public images to learn from; null takes photographs as such.</param>
    internal GaussianImages ImageModel(ImageShape shape, ImageSet? images) => images is null ? new Photographs(shape)
        : images.Shape == shape ? PublicImages.Fit(images, PublicCount)
        : throw new AfterimageException(
            $"The public images have shape {images.Shape}, the model takes {shape}: choose public images of that shape.");

    private GaussianImages ImageModel(AttackRun run)
    {
        var images = Public?.Open() ?? (PublicAtHand ? run.Context.PublicImages : null);
        var believed = ImageModel(run.Context.Model.Input, images);
        if (images is not null)
            run.Note(new Remark(
                $"Gauss-Newton knows the mean and covariance of {Math.Min(PublicCount, images.Count)} public images ({images.Name})."));
        return believed;
    }
}
