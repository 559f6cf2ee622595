namespace Afterimage.Models;

/// <summary>How the client normalizes its images, which are in [0,1]: (image - mean) / standard deviation.</summary>
/// <param name="Mean">One for each channel.</param>
/// <param name="Std">Standard deviations, positive, one for each channel.</param>
public sealed record Normalization(ValueList<double> Mean, ValueList<double> Std)
{
    /// <summary>The identity.</summary>
    public static Normalization None(int channels) =>
        new(Enumerable.Repeat(0.0, channels).ToValueList(), Enumerable.Repeat(1.0, channels).ToValueList());
}

/// <summary>How BatchNorm and dropout behave during local training.</summary>
public enum ModelMode
{
    /// <summary>BatchNorm uses running statistics; dropout is the identity.</summary>
    Eval,

    /// <summary>BatchNorm uses the batch's own statistics; dropout uses masks.</summary>
    Train,
}

/// <summary>
/// The shared model as the server sent it to the clients. It takes images in [0,1] and normalizes them itself. A forward pass
/// leaves parameters and buffers as they were.
/// </summary>
public abstract class VictimModel : IDisposable
{
    private readonly Tensor shift;
    private readonly Tensor scale;

    /// <summary>What every model has.</summary>
    /// <exception cref="AfterimageException">The normalization has another number of channels, or a deviation is not positive.</exception>
    protected VictimModel(ImageShape input, int classes, Normalization normalization, ScalarType type, Device device)
    {
        (Input, Classes, Normalization, Type, Device) = (input, classes, normalization, type, device);
        if (normalization.Mean.Count != input.Channels || normalization.Std.Count != input.Channels)
            throw new AfterimageException($"Normalization has {normalization.Mean.Count} means and {normalization.Std.Count} deviations; " +
                $"images have {input.Channels} channels.");
        if (normalization.Std.Any(value => !(value > 0)))
            throw new AfterimageException("Normalization deviations must be positive.");
        using var _ = NewDisposeScope();
        shift = tensor(normalization.Mean.ToArray(), type, device).view(1, -1, 1, 1).DetachFromDisposeScope();
        scale = tensor(normalization.Std.ToArray(), type, device).view(1, -1, 1, 1).DetachFromDisposeScope();
    }

    /// <summary>Shape of one image.</summary>
    public ImageShape Input { get; }

    /// <summary>Number of logits.</summary>
    public int Classes { get; }

    /// <summary>What the model does to images before its first layer.</summary>
    public Normalization Normalization { get; }

    /// <summary>Type of parameters, images and logits: float32 or float64.</summary>
    public ScalarType Type { get; }

    /// <summary>Where parameters and buffers are.</summary>
    public Device Device { get; }

    /// <summary>Names and shapes of the parameters, in PyTorch's order of registration.</summary>
    public abstract TensorLayout Layout { get; }

    /// <summary>The layers as data, or null for a TorchScript file with operations other than known layers.</summary>
    public abstract Network? Network { get; }

    /// <summary>The parameters in the order of <see cref="Layout"/>: leaf tensors that require a gradient.</summary>
    public abstract IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>BatchNorm's running statistics by name.</summary>
    public abstract IReadOnlyDictionary<string, Tensor> Buffers { get; }

    /// <summary>Names of the parameters that clients do not train, because the file asks for no gradient of them.</summary>
    public ValueList<string> Frozen { get; internal init; } = [];

    /// <summary>Remarks from opening the model, one sentence each.</summary>
    public ValueList<string> Notes { get; private protected set; } = [];

    /// <summary>The same model in another precision or on another device; the caller owns it.</summary>
    public abstract VictimModel To(ScalarType type, Device device);

    /// <summary>Logits of shape [B,classes] for images in [0,1] of shape [B,C,H,W].</summary>
    /// <param name="images">Images in [0,1].</param>
    /// <param name="mode">How BatchNorm and dropout behave.</param>
    /// <param name="parameters">Other parameters in place of the model's own, for unrolled local training.</param>
    /// <param name="masks">Dropout masks for train mode, [B,<see cref="Network.MaskCount"/>] in [0,1]; null keeps everything.</param>
    /// <param name="trace">Records inputs of layers; only for a model of known layers.</param>
    /// <exception cref="AfterimageException">The images do not have the model's shape, or a script cannot be traced.</exception>
    public Tensor Logits(Tensor images, ModelMode mode = ModelMode.Eval, IReadOnlyList<Tensor>? parameters = null, Tensor? masks = null,
        Trace? trace = null)
    {
        if (trace is not null && Network is null)
            throw new AfterimageException("This model runs as a script, which does not show what its layers see: " +
                "leave out priors on BatchNorm statistics and features, or give a model of known layers.");
        // libtorch ends the process on some mismatched shapes.
        if (!(images.shape is [> 0, var channels, var height, var width]
            && (channels, height, width) == (Input.Channels, Input.Height, Input.Width)))
            throw new AfterimageException($"The model takes images of {Input}, " +
                $"but the batch has shape [{string.Join(",", images.shape)}].");
        return Forward(IsIdentity ? images : Normalize(images), mode, parameters, mode == ModelMode.Train ? masks : null, trace);
    }

    /// <summary>Images in [0,1] as the network sees them, [...,C,H,W], in their own precision.</summary>
    public Tensor Normalize(Tensor images) => (images - Like(shift, images)) / Like(scale, images);

    /// <summary>The images in [0,1] that the network sees so, [...,C,H,W].</summary>
    public Tensor Denormalize(Tensor inputs) => inputs * Like(scale, inputs) + Like(shift, inputs);

    /// <summary>The derivative of <see cref="Normalize"/> along a change of the images; it is its own transpose.</summary>
    public Tensor NormalizeChange(Tensor change) => change / Like(scale, change);

    /// <summary>The derivative of <see cref="Denormalize"/> along a change of what the network sees; it is its own transpose.</summary>
    public Tensor DenormalizeChange(Tensor change) => change * Like(scale, change);

    /// <summary>Runs the network on normalized images.</summary>
    protected abstract Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? parameters, Tensor? masks, Trace? trace);

    private Tensor Like(Tensor own, Tensor images) =>
        images.dtype == Type && images.device_type == Device.type ? own : own.to(images.dtype, images.device);

    private bool IsIdentity => Normalization.Mean.All(value => value == 0) && Normalization.Std.All(value => value == 1);

    /// <summary>
    /// The final linear layer: indices of its weight [classes,features] and, if it has one, of its bias in <see cref="Layout"/>;
    /// null where there is no such layer.
    /// </summary>
    public (int Weight, int? Bias)? Head
    {
        get
        {
            var entries = Layout.Entries;
            for (var i = entries.Count - 1; i >= 0; i--)
                if (entries[i].Shape is [var outputs, _] && outputs == Classes)
                    return (i, i + 1 < entries.Count && entries[i + 1].Shape is [var biases] && biases == Classes ? i + 1 : null);
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Disposes of the tensors of a derived model.</summary>
    protected virtual void Dispose(bool disposing)
    {
        shift.Dispose();
        scale.Dispose();
    }
}
