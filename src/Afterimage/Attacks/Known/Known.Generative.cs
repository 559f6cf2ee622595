using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage.Attacks;

/// <summary>Published attacks that search in a trained generator, the one that comes with Afterimage where no other is named.</summary>
public static partial class Known
{
    /// <summary>
    /// GIAS: Jeon et al., "Gradient inversion with generative image prior", NeurIPS 2021. Cosine distance, 500 steps over latents and 5,000
    /// over the generator's parameters, a copy for every image, by Adam with rates of .03 and .001; total variation 1e-6, three restarts.
    /// Deviations: labels are counted from the head's gradients, and every restart goes through both searches.
    /// </summary>
    public static GradientMatching Gias { get; } = new()
    {
        Labels = new RefinedCounts(),
        Start = new ConstantGray(),
        Space = new TunedGenerator(),
        Fidelity = new Cosine(),
        Priors = [new TotalVariation { Weight = 1e-6 }],
        Solver = new FirstOrder { LearningRate = 0.03, Schedule = Schedule.Step, Iterations = 5500 },
        Restarts = 3,
        Tolerance = 0,
    };

    /// <summary>
    /// GIFD: Fang et al., "GIFD: a generative gradient inversion method with feature domain optimization", ICCV 2023. Cosine distance,
    /// 1,000 steps of Adam for the latents and for every stage behind them, learning rate .1 with warm-up and cosine decay, total variation
    /// 1e-4, image norm 1e-6, four restarts. Deviations: radii are shares of the features' norm, for generators differ in size; the decay
    /// takes the whole of a stage; the best restart is taken, where the published code takes the last.
    /// </summary>
    public static GradientMatching Gifd { get; } = new()
    {
        Labels = new RefinedCounts(),
        Start = new ConstantGray(),
        Space = new GeneratorLayers(),
        Fidelity = new Cosine(),
        Priors = [new TotalVariation { Weight = 1e-4 }, new L2 { Weight = 1e-6 }],
        Solver = new FirstOrder { LearningRate = 0.1, Schedule = Schedule.Cosine, WarmUp = 50, Iterations = 5000 },
        Restarts = 4,
        Tolerance = 0,
    };

    /// <summary>
    /// GGL: Li et al., "Auditing privacy defenses in federated learning via generative gradient leakage", CVPR 2022. Squared distance, the
    /// latents by CMA-ES in 800 rounds of 50, and their divergence from a normal distribution with weight .1. Labels by the sign of the
    /// bias gradient, which is iDLG's for one image.
    /// </summary>
    public static GradientMatching Ggl { get; } = new()
    {
        Labels = new BiasSign(),
        Start = new ConstantGray(),
        Space = new Latent { Divergence = 0.1 },
        Fidelity = new Euclidean(),
        Solver = new CmaEs { Population = 50, Iterations = 800 },
        Tolerance = 0,
    };
}
