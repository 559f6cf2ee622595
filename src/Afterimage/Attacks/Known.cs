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

    /// <summary>DLG: Zhu, Liu and Han, "Deep leakage from gradients", NeurIPS 2019. Labels and pixels together by L-BFGS, 300 steps of at most 20.</summary>
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
}
