namespace Afterimage.Models.TorchScript;

/// <summary>The layers of single TorchScript operators, whose parameters carry PyTorch's names.</summary>
internal static class ScriptLayers
{
    /// <summary>The layer of a function of every number; null for another operator.</summary>
    public static Activation? Elementwise(ScriptArguments a) => a.Name switch
    {
        "relu" or "relu_" => new(ActivationKind.ReLU),
        "leaky_relu" or "leaky_relu_" => new(ActivationKind.LeakyReLU, a.At(1, "negative_slope", 0.01)),
        "sigmoid" or "sigmoid_" => new(ActivationKind.Sigmoid),
        "tanh" or "tanh_" => new(ActivationKind.Tanh),
        "silu" or "silu_" => new(ActivationKind.Silu),
        "gelu" when a.At(1, "approximate", "none") == "none" => new(ActivationKind.Gelu),
        "softplus" when a.Number(1, "beta", 1) == 1 && a.Number(2, "threshold", 20) == 20 => new(ActivationKind.Softplus),
        "relu6" or "relu6_" => new(ActivationKind.ReLU6),
        "hardtanh" or "hardtanh_" when a.Number(1, "min_val", -1) == 0 && a.Number(2, "max_val", 1) == 6 => new(ActivationKind.ReLU6),
        "hardsigmoid" or "hardsigmoid_" => new(ActivationKind.HardSigmoid),
        "hardswish" or "hardswish_" => new(ActivationKind.HardSwish),
        "elu" or "elu_" when a.Number(1, "alpha", 1) == 1 && a.Number(2, "scale", 1) == 1 && a.Number(3, "input_scale", 1) == 1 =>
            new(ActivationKind.Elu),
        _ => null,
    };

    /// <summary>The name X of a layer with the parameters X.weight and X.bias; other names are not supported.</summary>
    private static string Owner(NamedTensor weight, NamedTensor? bias, string operation, string separator = ".")
    {
        var suffix = separator + "weight";
        var owner = weight.Name.EndsWith(suffix, StringComparison.Ordinal) ? weight.Name[..^suffix.Length] : null;
        return owner is not null && (bias is null || bias.Name == $"{owner}{separator}bias") ? owner
            : throw new UnreadableScriptException($"the parameters of {operation} are named {weight.Name} and {bias?.Name ?? "nothing"}, " +
                "not X.weight and X.bias");
    }

    public static Conv2d Convolution(ScriptArguments a, long groups)
    {
        var (weight, bias) = (a.Tensor(1), a.Optional(2));
        if (weight.Shape is not [var output, var input, var height, var width] || height != width)
            throw ScriptValues.Unknown("a convolution with a window that is not square");
        if (a.Flow(0).Shape.Length != 3)
            throw ScriptValues.Unknown("a convolution of something other than images");
        return new(Owner(weight, bias, "a convolution"), (int)(input * groups), (int)output, (int)height,
            a.Square(3, "stride", 1), a.Square(4, "padding", 0), a.Square(5, "dilation", 1), (int)groups, bias is not null);
    }

    public static View Linear(View view, NamedTensor weight, NamedTensor? bias)
    {
        // nn.MultiheadAttention calls the parameters of its projection in_proj_weight and in_proj_bias.
        var separator = weight.Name.EndsWith("_weight", StringComparison.Ordinal) ? "_" : ".";
        var name = Owner(weight, bias, "a linear layer", separator);
        var layer = new Linear(name, (int)weight.Shape[1], (int)weight.Shape[0], bias is not null)
        {
            Separator = separator,
        };
        return view.Settled() is { Shape.Length: 1 } flow ? View.Of(flow.Then(layer)) : view.Then(layer, "a linear layer");
    }

    public static LayerNorm LayerNorm(ScriptArguments a) => LayerNorm(a.Optional(2), a.Optional(3),
        ScriptValues.Longs(a.At<object?>(1, "normalized_shape", null)).ToValueList(), a.Number(4, "eps", 1e-5));

    public static LayerNorm LayerNorm(NamedTensor? weight, NamedTensor? bias, ValueList<long> shape, double epsilon) =>
        weight is null ? new("", shape, epsilon, Affine: false, Bias: false)
            : new(Owner(weight, bias, "a LayerNorm"), shape, epsilon, Bias: bias is not null);

    public static GroupNorm InstanceNorm(ScriptArguments a)
    {
        if (a.Flow(0).Shape is not [var channels, _, _])
            throw ScriptValues.Unknown("an InstanceNorm of something other than images");
        var (weight, bias) = (a.Optional(1), a.Optional(2));
        if (!a.At(5, "use_input_stats", true) || a.Optional(3) is not null)
            throw ScriptValues.Unknown($"an InstanceNorm with running statistics{(weight is null ? "" : $", {weight.Name},")}");
        return weight is null || bias is null ? new("", (int)channels, (int)channels, a.Number(7, "eps", 1e-5), Affine: false)
            : new(Owner(weight, bias, "an InstanceNorm"), (int)channels, (int)channels, a.Number(7, "eps", 1e-5));
    }

    public static BatchNorm2d BatchNorm(ScriptArguments a)
    {
        if (a.At(5, "training", false))
            throw new UnreadableScriptException("its BatchNorm always uses the batch's statistics: trace the model after eval()");
        if (a.Flow(0).Shape.Length != 3 || a.Optional(1) is not { } weight || a.Optional(2) is not { } bias
            || a.Optional(3) is not { } mean || a.Optional(4) is not { } variance)
            throw ScriptValues.Unknown("a BatchNorm without parameters, without running statistics or of something other than images");
        var owner = Owner(weight, bias, "a BatchNorm");
        if (mean.Name != owner + ".running_mean" || variance.Name != owner + ".running_var")
            throw new UnreadableScriptException($"the running statistics of {owner} have other names");
        return new(owner, (int)weight.Shape[0], a.Number(7, "eps", 1e-5), a.Number(6, "momentum", 0.1));
    }

    public static GroupNorm GroupNorm(ScriptArguments a)
    {
        if (a.Optional(2) is not { } weight || a.Optional(3) is not { } bias)
            return new("", (int)a.At(1, "num_groups", 1L), (int)a.Flow(0).Shape[0], a.Number(4, "eps", 1e-5), Affine: false);
        return new(Owner(weight, bias, "a GroupNorm"), (int)a.At(1, "num_groups", 1L), (int)weight.Shape[0], a.Number(4, "eps", 1e-5));
    }

    public static MaxPool2d MaxPool(ScriptArguments a)
    {
        if (a.Square(4, "dilation", 1) != 1 || a.At(5, "ceil_mode", false))
            throw ScriptValues.Unknown("a max pooling with dilation or ceil_mode");
        var kernel = a.Square(1, "kernel_size", 0);
        return new(kernel, a.Square(2, "stride", kernel), a.Square(3, "padding", 0));
    }

    public static AvgPool2d AvgPool(ScriptArguments a)
    {
        var padding = a.Square(3, "padding", 0);
        if (a.At(4, "ceil_mode", false) || padding > 0 && !a.At(5, "count_include_pad", true) 
            || a.At<object?>(6, "divisor_override", null) is not null)
            throw ScriptValues.Unknown("an average pooling with ceil_mode, a divisor or padding that does not count");
        var kernel = a.Square(1, "kernel_size", 0);
        return new(kernel, a.Square(2, "stride", kernel), padding);
    }
}
