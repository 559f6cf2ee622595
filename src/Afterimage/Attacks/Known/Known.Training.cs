using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage.Attacks;

/// <summary>Published attacks on clients that train as real ones do.</summary>
public static partial class Known
{
    /// <summary>
    /// <see cref="Matching"/> for updates of several local steps, whose misfit falls more slowly: the search goes on where a single
    /// gradient's would have ended, at last without total variation; nine starts suffice for every order of four labels in two steps.
    /// </summary>
    public static GradientMatching LocalMatching { get; } = Matching with
    {
        Continuation = [1, 0.03, 0.001, 0],
        Solver = new Lbfgs { Iterations = 4000, ValueTolerance = 1e-4 },
        Restarts = 9,
    };

    /// <summary>
    /// SME: Zhu, Yao and Blaschko, "Surrogate model extension", ICML 2023. One gradient at weights between those before and after the
    /// round; cosine distance, total variation 0.01, Adam at rate 1 in the box for 1,000 steps (released code, CIFAR-100). The paper
    /// restores labels separately; here they are counted from the head.
    /// </summary>
    public static GradientMatching SurrogateModel { get; } = new()
    {
        Labels = new InstanceCounts(),
        Start = new Gaussian(),
        Space = new Pixels { Box = true },
        Fidelity = new Cosine(),
        Priors = [new TotalVariation { Weight = 0.01 }],
        Nuisance = new SurrogateWeights(),
        Solver = new FirstOrder { LearningRate = 1, Schedule = Schedule.Step, Iterations = 1000 },
        Tolerance = 0,
    };

    /// <summary>
    /// DIA: Scheliga, Maeder and Seeland, "Dropout is NOT all you need to prevent gradient leakage", AAAI 2023. Inverting Gradients
    /// with the masks of dropout among the unknowns; total variation 1e-5, 20,000 steps (released code). The released code takes the
    /// sign of the images' gradient alone; here it is that of every unknown's, and the rate falls on a fixed schedule.
    /// </summary>
    public static GradientMatching DropoutInversion { get; } = InvertingGradients with
    {
        Priors = [new TotalVariation { Weight = 1e-5 }],
        Nuisance = new DropoutMasks { Read = false },
        Solver = new FirstOrder { LearningRate = 0.1, Sign = GradientSign.Hard, Schedule = Schedule.Step, Iterations = 20_000 },
    };
}
