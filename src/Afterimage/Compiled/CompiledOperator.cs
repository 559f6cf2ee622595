using System.Numerics;
using System.Runtime.InteropServices;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>Makes compiled operators: the gradient of a loss, on the CPU.</summary>
public static class CompiledOperator
{
    /// <summary>Why the gradient of a model and a loss (cross-entropy where none is given) cannot be compiled; null where it can.</summary>
    /// <returns>The beginning of a sentence.</returns>
    public static string? Obstacle(VictimModel model, Loss? loss = null, ModelMode mode = ModelMode.Eval) =>
        model.Network is null ? "The model's graph is not made of known layers"
        : model.Device.type != DeviceType.CPU ? $"The model lives on {model.Device.type}"
        : model.Type is not (ScalarType.Float32 or ScalarType.Float64) ? $"The model's numbers are {model.Type}"
        : mode == ModelMode.Train && model.Network.MaskCount > 0 ? "Dropout in train mode draws masks"
        : loss is { Link: null } ? Unlinked(loss)
        : null;

    internal static string Unlinked(Loss loss) => $"The loss {loss.GetType().Name} has no closed form of its derivative";

    /// <summary>
    /// Compiles a model without an <see cref="Obstacle"/>; the caller owns the operator, which keeps no reference to the model.
    /// </summary>
    public static ForwardOperator Of(VictimModel model, Loss loss, string reason, ModelMode mode = ModelMode.Eval) =>
        model.Type == ScalarType.Float64
            ? new CompiledOperator<double>(model, loss, mode) { Reason = reason }
            : new CompiledOperator<float>(model, loss, mode) { Reason = reason };
}

internal sealed class CompiledOperator<T>(VictimModel model, Loss loss, ModelMode mode) : ForwardOperator
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly CompiledModel<T> compiled = CompiledModel.Of<T>(model, mode);
    private readonly ThreadLocal<Dictionary<int, Workplace>> workplaces = new(() => [], trackAllValues: true);

    public override string Name => "compiled";

    public CompiledModel<T> Model => compiled;

    public override Linearization At(Batch batch) => new CompiledLinearization<T>(this, batch);

    /// <summary>This thread's plan for a batch size, and the linearization whose point it stands at.</summary>
    public Workplace For(int batch)
    {
        var mine = workplaces.Value!;
        if (!mine.TryGetValue(batch, out var found))
            mine.Add(batch, found = new(compiled.Plan(batch, loss)));
        return found;
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var workplace in workplaces.Values.SelectMany(plans => plans.Values))
            workplace.Plan.Dispose();
        workplaces.Dispose();
        compiled.Dispose();
        base.Dispose(disposing);
    }

    internal sealed class Workplace(CompiledPlan<T> plan)
    {
        public CompiledPlan<T> Plan { get; } = plan;

        public CompiledLinearization<T>? Point { get; set; }
    }
}

/// <summary>A linearization of a compiled operator. It keeps its images, and evaluates them again when the plan has moved on.</summary>
internal sealed class CompiledLinearization<T> : Linearization where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly CompiledOperator<T> owner;
    private readonly long[] imagesShape;
    private readonly long[] targetsShape;
    private readonly T[] images;
    private readonly T[] targets;
    private readonly ScalarType type;

    public CompiledLinearization(CompiledOperator<T> owner, Batch batch)
    {
        this.owner = owner;
        (imagesShape, targetsShape) = (batch.Inputs.shape, batch.Targets.shape);
        type = typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32;
        var (input, classes) = (owner.Model.Network.Input, owner.Model.Network.Classes);
        if (!(imagesShape is [> 0, var channels, var height, var width]
            && (channels, height, width) == (input.Channels, input.Height, input.Width)))
            throw new AfterimageException($"The model takes images of {input}, but the batch has shape [{string.Join(",", imagesShape)}].");
        if (!(targetsShape is [var rows, var columns] && rows == imagesShape[0] && columns == classes))
            throw new AfterimageException(
                $"{imagesShape[0]} images need targets of shape [{imagesShape[0]},{classes}], "
                + $"but they have shape [{string.Join(",", targetsShape)}].");
        images = Copy(batch.Inputs);
        targets = Copy(batch.Targets);
        var value = empty([owner.Model.Layout.Count], type);
        Stand(Numbers(value));
        Value = new(owner.Model.Layout, value);
    }

    public override GradientSet Value { get; }

    public override Batch Pullback(GradientSet v)
    {
        var (forImages, forTargets) = (empty(imagesShape, type), empty(targetsShape, type));
        var direction = Ordered(v.Flat);
        Plan().Pullback(Numbers(direction), Numbers(forImages), Numbers(forTargets));
        GC.KeepAlive(direction);
        return new(forImages, forTargets);
    }

    public override GradientSet Pushforward(Tensor u)
    {
        var change = empty([owner.Model.Layout.Count], type);
        var direction = Ordered(u);
        Plan().Pushforward(Numbers(direction), Numbers(change));
        GC.KeepAlive(direction);
        return new(owner.Model.Layout, change);
    }

    /// <summary>The plan of the calling thread, standing at this point.</summary>
    private CompiledPlan<T> Plan()
    {
        var workplace = owner.For((int)imagesShape[0]);
        if (workplace.Point != this)
            Stand(new T[owner.Model.Layout.Count]);
        return workplace.Plan;
    }

    private void Stand(Span<T> gradient)
    {
        var workplace = owner.For((int)imagesShape[0]);
        workplace.Plan.Gradient(images, targets, gradient);
        workplace.Point = this;
    }

    private T[] Copy(Tensor tensor)
    {
        var ordered = Ordered(tensor);
        var copy = Numbers(ordered).ToArray();
        GC.KeepAlive(ordered);
        return copy;
    }

    /// <summary>The tensor itself where its numbers lie in order, or a copy that the caller must keep alive while it reads.</summary>
    private Tensor Ordered(Tensor tensor)
    {
        if (tensor.dtype != type)
            throw new AfterimageException($"The model's numbers are {type}, but a tensor of {tensor.dtype} was given: convert it first.");
        return tensor.is_contiguous() ? tensor : tensor.contiguous();
    }

    private static Span<T> Numbers(Tensor tensor) => MemoryMarshal.Cast<byte, T>(tensor.bytes);
}
