using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>An activation read backwards: from what comes out to what went in.</summary>
internal readonly record struct Elementwise(Activation Activation)
{
    private const double Edge = 1e-12;

    /// <summary>Whether what comes out tells the slope everywhere, and what went in wherever the slope is not zero.</summary>
    public bool CanBeRead => Activation.Kind is ActivationKind.ReLU or ActivationKind.LeakyReLU or ActivationKind.Sigmoid
        or ActivationKind.Tanh or ActivationKind.Softplus or ActivationKind.Elu;

    public Tensor Apply(Tensor z) => Activation.Kind switch
    {
        ActivationKind.ReLU => z.relu(),
        ActivationKind.LeakyReLU or ActivationKind.SoftGateLeakyReLU => nn.functional.leaky_relu(z, Activation.Slope),
        ActivationKind.Sigmoid => z.sigmoid(),
        ActivationKind.Tanh => z.tanh(),
        ActivationKind.Softplus => nn.functional.softplus(z),
        ActivationKind.Gelu => nn.functional.gelu(z),
        ActivationKind.SoftLeakyReLU => z * Activation.Slope
            + nn.functional.softplus(z * Activation.Sharpness) * ((1 - Activation.Slope) / Activation.Sharpness),
        ActivationKind.ReLU6 => nn.functional.relu6(z),
        ActivationKind.HardSigmoid => nn.functional.hardsigmoid(z),
        ActivationKind.HardSwish => nn.functional.hardswish(z),
        ActivationKind.Elu => nn.functional.elu(z, 1),
        _ => nn.functional.silu(z),
    };

    /// <summary>What went in; where a ReLU gave zero the answer means nothing, and the slope there is zero.</summary>
    public Tensor Inverse(Tensor y) => Activation.Kind switch
    {
        ActivationKind.LeakyReLU => where(y < 0, y / Activation.Slope, y),
        ActivationKind.Sigmoid => y.clamp(Edge, 1 - Edge).logit(),
        ActivationKind.Tanh => y.clamp(-1 + Edge, 1 - Edge).atanh(),
        ActivationKind.Softplus => y.clamp(min: Edge).expm1().log(),
        ActivationKind.Elu => where(y < 0, y.clamp(min: -1 + Edge).log1p(), y),
        _ => y,
    };

    /// <summary>The derivative, from what comes out.</summary>
    /// <param name="y">What comes out.</param>
    /// <param name="zero">What a ReLU gives below this counts as zero.</param>
    public Tensor Slope(Tensor y, double zero = 0) => Activation.Kind switch
    {
        ActivationKind.ReLU => (y > zero).to(y.dtype),
        ActivationKind.LeakyReLU => where(y < 0, Activation.Slope, 1.0).to(y.dtype),
        ActivationKind.Sigmoid => y.clamp(Edge, 1 - Edge) * (1 - y.clamp(Edge, 1 - Edge)),
        ActivationKind.Tanh => 1 - y.clamp(-1 + Edge, 1 - Edge).square(),
        ActivationKind.Elu => where(y < 0, y.clamp(min: -1 + Edge) + 1, 1.0).to(y.dtype),
        _ => 1 - (-y.clamp(min: Edge)).exp(),
    };
}
