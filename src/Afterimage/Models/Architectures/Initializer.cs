namespace Afterimage.Models;

/// <summary>
/// PyTorch's initial distributions. Every draw is in float32 on the CPU, so that a seed gives the same model in every
/// precision. Normalization parameters are always the identity: weight and variance 1, bias and mean 0; embeddings are N(0, 0.02^2).
/// </summary>
public static class Initializer
{
    /// <summary>Linear and Conv2d of PyTorch, kaiming_uniform(a = sqrt 5): U(-b, b), b = 1/sqrt(fan in), for both tensors.</summary>
    public static Tensor Default(ParameterSpec spec, Generator generator) =>
        Own(spec, generator) ?? Uniform(spec, 1 / Math.Sqrt(spec.FanIn), generator);

    /// <summary>U(-bound, bound); Deep Leakage from Gradients (Zhu et al., 2019) uses 0.5.</summary>
    public static Tensor Uniform(ParameterSpec spec, double bound, Generator generator) =>
        Own(spec, generator) ?? empty([.. spec.Shape], ScalarType.Float32).uniform_(-bound, bound, generator);

    /// <summary>N(0, 2 / fan in) for weights (He et al., 2015), the default for biases.</summary>
    public static Tensor KaimingFanIn(ParameterSpec spec, Generator generator) =>
        spec.Role == ParameterRole.Weight ? Normal(spec, spec.FanIn, generator) : Default(spec, generator);

    /// <summary>N(0, 2 / fan out) for convolutions (torchvision's ResNets), the default for everything else.</summary>
    public static Tensor KaimingFanOut(ParameterSpec spec, Generator generator) =>
        spec is { Role: ParameterRole.Weight, Shape.Count: 4 }
            ? Normal(spec, spec.Shape[0] * spec.Shape[2] * spec.Shape[3], generator)
            : Default(spec, generator);

    private static Tensor Normal(ParameterSpec spec, long fan, Generator generator) =>
        empty([.. spec.Shape], ScalarType.Float32).normal_(0, Math.Sqrt(2.0 / fan), generator);

    private static Tensor? Own(ParameterSpec spec, Generator generator) => spec.Role switch
    {
        ParameterRole.Embedding => empty([.. spec.Shape], ScalarType.Float32).normal_(0, 0.02, generator),
        ParameterRole.NormalizationWeight or ParameterRole.RunningVariance => ones([.. spec.Shape], ScalarType.Float32),
        ParameterRole.NormalizationBias or ParameterRole.RunningMean => zeros([.. spec.Shape], ScalarType.Float32),
        _ => null,
    };
}
