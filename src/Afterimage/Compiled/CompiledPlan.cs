using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>
/// The operator A (gradient of a loss) of one network for batches of one size, lowered to a flat
/// list of steps over native memory. J'v and Ju come from forward-over-reverse differentiation at the point of the last
/// <see cref="Gradient"/>; nothing is allocated. One thread at a time; results do not depend on which.
/// </summary>
internal sealed unsafe class CompiledPlan<T> : IDisposable where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Arena<T> arena = new();
    private readonly CompiledModel<T> model;
    private readonly Step<T>[] steps;
    private readonly Node<T> input;
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly T* scale;
    private readonly T* shift;
    private readonly T* ones;
    private readonly LossStep<T> loss;
    private bool evaluated;

    internal CompiledPlan(CompiledModel<T> model, int batch, Loss loss)
    {
        if (batch < 1)
            throw new AfterimageException($"A plan needs at least one image; the batch has {batch}.");
        this.model = model;
        Batch = batch;
        var lowering = new Lowering<T>(model, batch, arena);
        (steps, input) = (lowering.Steps, lowering.Input);
        scale = arena.Take(input.RowLength);
        shift = arena.Take(input.RowLength);
        ones = arena.Take(input.RowLength);
        for (var i = 0; i < input.RowLength; i++)
        {
            var channel = i % input.Channels;
            scale[i] = T.CreateTruncating(1 / model.Normalization.Std[channel]);
            shift[i] = T.CreateTruncating(-model.Normalization.Mean[channel] / model.Normalization.Std[channel]);
            ones[i] = T.One;
        }
        this.loss = new(loss, lowering.Output, batch, Classes, arena);
    }

    public int Batch { get; }

    /// <summary>Native memory of this plan in bytes, without the weights that plans share.</summary>
    public long Bytes => arena.Bytes;

    /// <summary>Label probabilities of one image.</summary>
    public int Classes => model.Network.Classes;

    /// <summary>Length of the whole batch of images.</summary>
    public int Pixels => Batch * model.Network.Input.Count;

    /// <summary>Length of a gradient.</summary>
    public long Parameters => model.Layout.Count;

    /// <summary>A(x): the gradient, flat, in the layout's order.</summary>
    /// <param name="images">[B,C,H,W] in [0,1].</param>
    /// <param name="targets">Label probabilities [B,classes].</param>
    /// <param name="gradient">Receives one number for each parameter.</param>
    public void Gradient(ReadOnlySpan<T> images, ReadOnlySpan<T> targets, Span<T> gradient)
    {
        Require(images.Length, Pixels, "images");
        Require(targets.Length, Batch * Classes, "targets");
        Require(gradient.Length, model.Layout.Count, "the gradient");
        fixed (T* source = images, result = gradient)
        {
            Enter(source, input.Value, shifted: true);
            foreach (var step in steps)
                step.Forward();
            loss.Backward(targets);
            for (var i = steps.Length - 1; i >= 0; i--)
                steps[i].Backward(result);
        }
        evaluated = true;
    }

    /// <summary>J'v at the last point.</summary>
    /// <param name="v">One number for each parameter.</param>
    /// <param name="images">Receives the product for the images, [B,C,H,W].</param>
    /// <param name="targets">Receives the product for the targets, [B,classes].</param>
    public void Pullback(ReadOnlySpan<T> v, Span<T> images, Span<T> targets)
    {
        RequirePoint();
        Require(v.Length, model.Layout.Count, "v");
        Require(images.Length, Pixels, "images");
        Require(targets.Length, Batch * Classes, "targets");
        fixed (T* direction = v, result = images, labels = targets)
        {
            foreach (var step in steps)
                step.TangentForward(direction);
            loss.TangentBackward(labels);
            for (var i = steps.Length - 1; i >= 0; i--)
                steps[i].TangentBackward(direction, null);
            Leave(result);
        }
    }

    /// <summary>Ju at the last point: the change of the gradient along a direction of the images.</summary>
    /// <param name="u">[B,C,H,W].</param>
    /// <param name="gradient">Receives one number for each parameter.</param>
    public void Pushforward(ReadOnlySpan<T> u, Span<T> gradient)
    {
        RequirePoint();
        Require(u.Length, Pixels, "u");
        Require(gradient.Length, model.Layout.Count, "the gradient");
        fixed (T* direction = u, result = gradient)
        {
            Enter(direction, input.Tangent, shifted: false);
            foreach (var step in steps)
                step.TangentForward(null);
            loss.TangentBackward(null);
            for (var i = steps.Length - 1; i >= 0; i--)
                steps[i].TangentBackward(null, result);
        }
    }

    /// <summary>Normalizes images and brings them from [B,C,H,W] to the channels-last order of nodes.</summary>
    private void Enter(T* images, T* to, bool shifted)
    {
        for (var row = 0; row < input.Rows; row++)
        {
            var target = to + input.RowOffset(row);
            kernels.Transpose(images + Place(row), input.Height * input.Width, target, input.Channels, input.Channels, input.Width);
            if (shifted)
                kernels.TimesTwo(target, target, scale, shift, ones, input.RowLength, add: false);
            else
                kernels.Times(target, target, scale, input.RowLength, add: false);
        }
    }

    private void Leave(T* images)
    {
        for (var row = 0; row < input.Rows; row++)
        {
            var source = input.AdjointTangent + input.RowOffset(row);
            kernels.Times(source, source, scale, input.RowLength, add: false);
            kernels.Transpose(source, input.Channels, images + Place(row), input.Height * input.Width, input.Width, input.Channels);
        }
    }

    /// <summary>Where a row of pixels begins in the first channel of [B,C,H,W].</summary>
    private int Place(int row) => (row / input.Height * input.Channels * input.Height + row % input.Height) * input.Width;

    private static void Require(long length, long expected, string name)
    {
        if (length != expected)
            throw new AfterimageException($"The plan needs {expected} numbers for {name}, but {length} were given.");
    }

    private void RequirePoint()
    {
        if (!evaluated)
            throw new AfterimageException("A plan has products only at a point: evaluate the gradient first.");
    }

    public void Dispose() => arena.Dispose();
}
