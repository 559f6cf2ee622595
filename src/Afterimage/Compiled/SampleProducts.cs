using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>Receives the gradient of one sample, valid during the call.</summary>
public delegate void SampleGradient<T>(int sample, ReadOnlySpan<T> gradient);

/// <summary>What a plan for single images gives beyond the operator: gradients image by image, and the Jacobian itself.</summary>
public static class SampleProducts
{
    /// <summary>The gradient of each image alone, in order.</summary>
    /// <param name="plan">A plan for batches of one.</param>
    /// <param name="images">[N,C,H,W] in [0,1].</param>
    /// <param name="targets">Label probabilities [N,classes].</param>
    /// <param name="use">Called N times with one number for each parameter.</param>
    public static void EachGradient<T>(this CompiledPlan<T> plan, ReadOnlySpan<T> images, ReadOnlySpan<T> targets, SampleGradient<T> use)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RequireSingle(plan);
        var (pixels, classes) = (plan.Pixels, plan.Classes);
        if (images.Length % pixels != 0 || targets.Length != images.Length / pixels * classes)
            throw new AfterimageException(
                $"{images.Length} numbers of images and {targets.Length} of targets are not batches of {pixels} and {classes}.");
        var gradient = new T[plan.Parameters];
        for (var sample = 0; sample * pixels < images.Length; sample++)
        {
            plan.Gradient(images.Slice(sample * pixels, pixels), targets.Slice(sample * classes, classes), gradient);
            use(sample, gradient);
        }
    }

    /// <summary>Columns of the Jacobian of A at one image: the derivative of every parameter's gradient for a range of pixels.</summary>
    /// <param name="plan">A plan for batches of one.</param>
    /// <param name="image">[C,H,W] in [0,1].</param>
    /// <param name="targets">Label probabilities of the image.</param>
    /// <param name="firstPixel">The pixel of the first column; threads take ranges of their own.</param>
    /// <param name="columns">Receives column after column, one number for each parameter; as many columns as fit.</param>
    public static void Jacobian<T>(this CompiledPlan<T> plan, ReadOnlySpan<T> image, ReadOnlySpan<T> targets, int firstPixel,
        Span<T> columns)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RequireSingle(plan);
        var (count, parameters) = ((int)(columns.Length / plan.Parameters), (int)plan.Parameters);
        if (count * plan.Parameters != columns.Length || firstPixel < 0 || firstPixel + count > plan.Pixels)
            throw new AfterimageException(
                $"Pixels {firstPixel} to {firstPixel + count} and {columns.Length} numbers "
                + $"do not fit a Jacobian of {plan.Pixels} columns of {parameters}.");
        var direction = new T[plan.Pixels];
        plan.Gradient(image, targets, new T[parameters]);
        for (var column = 0; column < count; column++)
        {
            direction[firstPixel + column] = T.One;
            plan.Pushforward(direction, columns.Slice(column * parameters, parameters));
            direction[firstPixel + column] = T.Zero;
        }
    }

    private static void RequireSingle<T>(CompiledPlan<T> plan) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (plan.Batch != 1)
            throw new AfterimageException($"This plan is for batches of {plan.Batch}: products of single images need a plan for one.");
    }
}
