using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// The operator A (the gradient of the mean cross-entropy with soft labels) of one network for batches of one size, as a flat
/// list of steps over preallocated native memory. J'v and Ju come from forward-over-reverse differentiation at the point of the
/// last <see cref="Gradient"/>. A plan serves one thread at a time.
/// </summary>
internal sealed unsafe class CompiledPlan<T> : IDisposable where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Arena<T> arena = new();
    private readonly CompiledModel<T> model;
    private readonly Step<T>[] steps;
    private readonly Node<T> input;
    private readonly Node<T> logits;
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly T* scale;
    private readonly T* shift;
    private readonly T* ones;
    private readonly T* targets;
    private readonly T* probabilities;
    private bool evaluated;

    internal CompiledPlan(CompiledModel<T> model, int batch)
    {
        if (batch < 1)
            throw new AfterimageException($"A plan needs at least one image; the batch has {batch}.");
        this.model = model;
        Batch = batch;
        var lowering = new Lowering<T>(model, batch, arena);
        (steps, input, logits) = (lowering.Steps, lowering.Input, lowering.Output);
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
        targets = arena.Take((long)batch * Classes);
        probabilities = arena.Take((long)batch * Classes);
    }

    public int Batch { get; }

    /// <summary>Native memory of this plan in bytes, without the weights that plans share.</summary>
    public long Bytes => arena.Bytes;

    /// <summary>Mean cross-entropy at the last point.</summary>
    public T Loss { get; private set; }

    /// <summary>Number of logits of one image.</summary>
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
        targets.CopyTo(new Span<T>(this.targets, targets.Length));
        fixed (T* source = images, result = gradient)
        {
            Enter(source, input.Value, shifted: true);
            foreach (var step in steps)
                step.Forward();
            EvaluateLoss();
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
            DifferentiateLoss(labels);
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
            DifferentiateLoss(null);
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

    /// <summary>The mean cross-entropy and its derivative with respect to the logits.</summary>
    private void EvaluateLoss()
    {
        var total = T.Zero;
        for (var sample = 0; sample < Batch; sample++)
        {
            T* z = logits.Value + logits.Offset(sample, 0, 0), delta = logits.Adjoint + logits.Offset(sample, 0, 0);
            T* t = targets + sample * Classes, s = probabilities + sample * Classes;
            T largest = z[0], sum = T.Zero, mass = T.Zero, fit = T.Zero;
            for (var i = 1; i < Classes; i++)
                largest = T.Max(largest, z[i]);
            for (var i = 0; i < Classes; i++)
                sum += s[i] = T.Exp(z[i] - largest);
            var logarithm = T.Log(sum);
            for (var i = 0; i < Classes; i++)
            {
                s[i] /= sum;
                mass += t[i];
                fit += t[i] * (z[i] - largest - logarithm);
            }
            for (var i = 0; i < Classes; i++)
                delta[i] = (mass * s[i] - t[i]) / Divisor;
            total -= fit;
        }
        Loss = total / Divisor;
    }

    /// <summary>The change of that derivative along the tangent of the logits; optionally J'v for the targets.</summary>
    private void DifferentiateLoss(T* labels)
    {
        for (var sample = 0; sample < Batch; sample++)
        {
            T* change = logits.Tangent + logits.Offset(sample, 0, 0), delta = logits.AdjointTangent + logits.Offset(sample, 0, 0);
            T* t = targets + sample * Classes, s = probabilities + sample * Classes;
            T mean = T.Zero, mass = T.Zero;
            for (var i = 0; i < Classes; i++)
            {
                mean += s[i] * change[i];
                mass += t[i];
            }
            for (var i = 0; i < Classes; i++)
            {
                delta[i] = mass * s[i] * (change[i] - mean) / Divisor;
                if (labels != null)
                    labels[sample * Classes + i] = (mean - change[i]) / Divisor;
            }
        }
    }

    private T Divisor => T.CreateTruncating(Batch);

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
