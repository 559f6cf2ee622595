namespace Afterimage.Models;

/// <summary>Channel means and deviations with which the client normalizes its images, which are in [0,1].</summary>
public sealed record Normalization(ValueList<double> Mean, ValueList<double> Std)
{
    public static Normalization None(int channels) =>
        new(Enumerable.Repeat(0.0, channels).ToValueList(), Enumerable.Repeat(1.0, channels).ToValueList());
}

/// <summary>How BatchNorm behaves during local training.</summary>
public enum ModelMode
{
    /// <summary>Running statistics; dropout does nothing.</summary>
    Eval,

    /// <summary>The batch's own statistics; dropout draws masks.</summary>
    Train,
}

/// <summary>
/// The shared model of the round: its weights before the round, its input bounds and normalization. Images are in [0,1]
/// everywhere outside; the model normalizes. A forward pass leaves parameters and buffers as they were.
/// </summary>
public abstract class VictimModel : IDisposable
{
    private readonly Tensor shift;
    private readonly Tensor scale;

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

    public ImageShape Input { get; }

    public int Classes { get; }

    public Normalization Normalization { get; }

    public ScalarType Type { get; }

    public Device Device { get; }

    public abstract TensorLayout Layout { get; }

    /// <summary>The layers as data, or null for a file whose graph is not made of known layers.</summary>
    public abstract Network? Network { get; }

    /// <summary>In the order of <see cref="Layout"/>; leaves that require a gradient.</summary>
    public abstract IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>BatchNorm statistics by name.</summary>
    public abstract IReadOnlyDictionary<string, Tensor> Buffers { get; }

    /// <summary>What was found out while the model was opened, one sentence each.</summary>
    public ValueList<string> Notes { get; private protected set; } = [];

    /// <summary>The same model in another precision or on another device; the caller owns it.</summary>
    public abstract VictimModel To(ScalarType type, Device device);

    /// <summary>Logits of shape [B,classes] for images in [0,1] of shape [B,C,H,W].</summary>
    /// <param name="images">Images in [0,1].</param>
    /// <param name="mode">Whose statistics BatchNorm uses.</param>
    /// <param name="parameters">Other parameters in place of the model's own, for unrolled local training.</param>
    /// <param name="masks">What dropout keeps in train mode, shape [B,<see cref="Network.MaskCount"/>] in [0,1]; null keeps all.</param>
    /// <param name="trace">Records what the layers see.</param>
    /// <exception cref="AfterimageException">The images do not have the model's shape, or a script is to be traced.</exception>
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

    /// <summary>The final linear layer: which parameters are its weight [classes,features] and, if it has one, its bias.</summary>
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

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        shift.Dispose();
        scale.Dispose();
    }
}
