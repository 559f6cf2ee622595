using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage.Attacks;

/// <summary>Published attacks as expressions over parts, with the defaults of their papers or released code.</summary>
public static partial class Known
{
    /// <summary>
    /// Afterimage's own default: every layer counts alike, L-BFGS in double precision, a total variation that fades from one run
    /// to the next, and a new start where one fails. Labels are counted from the head's gradients.
    /// </summary>
    public static GradientMatching Matching { get; } = new()
    {
        Labels = new RefinedCounts(),
        Fidelity = new Euclidean { Layers = LayerWeighting.InverseRms },
        Start = new Uniform { Lowest = 0.4, Highest = 0.6 },
        Priors = [new TotalVariation { Weight = 1e-3 }],
        Continuation = [1, 0.03, 0.001],
        Solver = new Lbfgs { Iterations = 1500, ValueTolerance = 1e-3 },
        Restarts = 4,
        Precision = Precision.Float64,
    };

    /// <summary>
    /// Afterimage's own attack for networks with ReLU or max pooling, whose gradient jumps: cosine distance, signed Adam on cosine
    /// coefficients that fall with frequency, four restarts that are held together, a total variation relative to what a gray image
    /// leaves unexplained, and the batch's BatchNorm statistics where the attacker knows them.
    /// </summary>
    public static GradientMatching RectifiedMatching { get; } = new()
    {
        Labels = new RefinedCounts(),
        Start = new Gaussian { Deviation = 0.5 },
        Space = new Spectral { Fall = 0.5, Box = true },
        Fidelity = new Cosine(),
        Priors =
        [
            new TotalVariation { Weight = 0.2 },
            new BatchNormStatistics { Weight = 0.05, Source = StatisticsSource.Batch, FirstLayer = 1 },
            new GroupConsistency { Weight = 0.05, From = 150, Every = 25 },
        ],
        RelativePriors = true,
        Solver = new FirstOrder { LearningRate = 0.1, Sign = GradientSign.Hard, Schedule = Schedule.Cosine, Iterations = 1500 },
        Restarts = 4,
        Tolerance = 0,
    };

    /// <summary>
    /// DLG: Zhu, Liu and Han, "Deep leakage from gradients", NeurIPS 2019. Labels and pixels together by L-BFGS, 300 steps of at most 20.
    /// </summary>
    public static GradientMatching DeepLeakage { get; } = new()
    {
        Labels = new Joint(),
        Start = new Gaussian(),
        Fidelity = new Euclidean(),
        Solver = new Lbfgs { Iterations = 6000, History = 100, GradientTolerance = 1e-7, ValueTolerance = 0 },
        Tolerance = 0,
    };

    /// <summary>iDLG: Zhao, Mopuri and Bilen, arXiv 2001.02610. The label in closed form, then the pixels as in DLG.</summary>
    public static GradientMatching ImprovedDeepLeakage { get; } = DeepLeakage with { Labels = new Idlg() };

    /// <summary>
    /// IG: Geiping et al., "Inverting gradients: how easy is it to break privacy in federated learning?", NeurIPS 2020. Cosine
    /// distance, total variation, signed Adam in the box, 24,000 steps. Labels by the sign of the bias gradient.
    /// </summary>
    public static GradientMatching InvertingGradients { get; } = new()
    {
        Labels = new BiasSign(),
        Start = new Gaussian(),
        Space = new Pixels { Box = true },
        Fidelity = new Cosine(),
        Priors = [new TotalVariation { Weight = 1e-4 }],
        Solver = new FirstOrder { LearningRate = 0.1, Sign = GradientSign.Hard, Schedule = Schedule.Step, Iterations = 24_000 },
        Tolerance = 0,
    };

    /// <summary>
    /// GradInversion: Yin et al., "See through gradients: image batch recovery via GradInversion", CVPR 2021. Squared distance, the
    /// BatchNorm statistics of the shared model, total variation, the images' energy, ten restarts held together by their registered mean,
    /// Adam with cosine decay, warm-up and Langevin noise, 20,000 steps. The weights are those of the paper relative to the distance (1e-3
    /// there, 1 here). Deviations: labels are counted from the head's gradients in place of the paper's minimum over features, which
    /// finds no label twice; registration is by phase correlation in place of RANSAC-flow; noise is .2 of the learning rate.
    /// </summary>
    public static GradientMatching SeeThroughGradients { get; } = new()
    {
        Labels = new InstanceCounts(),
        Start = new Gaussian(),
        Space = new Pixels { Box = true },
        Fidelity = new Euclidean(),
        Priors =
        [
            new TotalVariation { Weight = 0.1 },
            new L2 { Weight = 1e-3 },
            new BatchNormStatistics { Weight = 100, Source = StatisticsSource.Running },
            new GroupConsistency { Weight = 10 },
        ],
        Solver = new FirstOrder { LearningRate = 0.1, Schedule = Schedule.Cosine, WarmUp = 50, Langevin = 0.2, Iterations = 20_000 },
        Restarts = 10,
        Tolerance = 0,
    };

    /// <summary>
    /// The best practice of Geiping's attack library breaching ("modern"): cosine distance, total variation with double opponents, the
    /// features of the last layer, soft-signed Adam with warm-up and cosine decay from tiled noise, 24,000 steps. Deviation: the total
    /// variation takes no differences across the border, where the library pads with zeros. Labels by the sign of the bias gradient.
    /// </summary>
    public static GradientMatching Modern { get; } = new()
    {
        Labels = new BiasSign(),
        Start = new Patterned { Tile = 4 },
        Space = new Pixels { Box = true },
        Fidelity = new Cosine(),
        Priors = [new TotalVariation { Weight = 0.1, Isotropic = true, DoubleOpponents = true }, new LastLayerFeatures { Weight = 0.1 }],
        Solver = new FirstOrder
        {
            LearningRate = 0.1,
            Sign = GradientSign.Soft,
            Schedule = Schedule.Cosine,
            WarmUp = 50,
            Iterations = 24_000,
        },
        Tolerance = 0,
    };

    /// <summary>
    /// FedLeak: Fan et al., "Boosting gradient leakage attacks: data reconstruction in realistic FL settings", USENIX Security 2025.
    /// Partial gradient matching and gradient regularization on the cosine distance. The paper's own settings are not at hand: share, look
    /// ahead, total variation and steps are Afterimage's. Labels are counted from the head's gradients.
    /// </summary>
    public static GradientMatching FedLeak { get; } = new()
    {
        Labels = new InstanceCounts(),
        Start = new Gaussian(),
        Space = new Pixels { Box = true },
        Fidelity = new PartialCosine(),
        Priors = [new TotalVariation { Weight = 1e-3 }],
        Solver = new FirstOrder
        {
            LearningRate = 0.1,
            Sign = GradientSign.Hard,
            Schedule = Schedule.Cosine,
            LookAhead = 0.01,
            AheadShare = 0.5,
            Iterations = 10_000,
        },
        Tolerance = 0,
    };
}
