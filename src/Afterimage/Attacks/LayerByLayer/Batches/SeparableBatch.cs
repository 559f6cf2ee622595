using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The largest batch that one layer's weight gradient takes apart, by counting: a convolution needs an output channel for every k places
/// of all images, where k is the side of its kernel; a linear layer an output for every image. Inputs must come out of a ReLU, and
/// channels that are off do not count.
/// </summary>
public static class SeparableBatch
{
    /// <summary>Equations for every unknown of a map.</summary>
    private const double Spare = 1.1;

    /// <summary>Unknowns of the largest dense eigenproblem that memory and time are spent on.</summary>
    private const double LargestForm = 12_000;

    /// <summary>The largest batch; 0 where the layer takes none apart.</summary>
    /// <param name="layer">A convolution or a linear layer; any other takes none apart.</param>
    /// <param name="input">The shape of one input, [C,H,W], [tokens,features] or [features].</param>
    /// <param name="trainMode">Whether BatchNorm in train mode stands behind it: one direction less is needed.</param>
    public static long Largest(Layer layer, long[] input, bool trainMode = false) => layer switch
    {
        Linear linear => Math.Min(linear.Output, (long)(linear.Input / Spare)) / (input is [var tokens, _] ? tokens : 1),
        Conv2d conv when Obstacle(conv, input, trainMode) is null => Math.Max(ByWindows(conv, input, trainMode), ByLines(conv, input)),
        _ => 0,
    };

    /// <summary>By whole windows, of a convolution without an obstacle: <see cref="MapSpace"/>.</summary>
    internal static long ByWindows(Conv2d conv, long[] input, bool trainMode) =>
        (Math.Min(conv.Output, (long)(conv.Input * Surplus(conv, input) / Spare)) + (trainMode ? 1 : 0)) / Places(conv, input);

    /// <summary>By the columns and the rows of windows, of a convolution without an obstacle: <see cref="LineSpace"/>.</summary>
    internal static long ByLines(Conv2d conv, long[] input)
    {
        var output = conv.Follow(input);
        if (Places(conv, input) == 1)
            return 0;
        // Lines of one input, upright and flat, and equations for each channel beyond the unknowns.
        double[] lines = [output[1] * input[2], input[1] * output[2]];
        var (places, squares) = ((double)input[1] * input[2], lines.Sum(count => count * count));
        var ties = conv.Kernel * lines.Sum() - Spare * places;
        return (long)Math.Min(Math.Min(Math.Min(conv.Output, conv.Input / Spare) * conv.Kernel / lines.Max(), conv.Input * ties / squares),
            LargestForm * ties / (squares * places));
    }

    /// <summary>Numbers of a patch that are not unknowns of the map: what ties patches together, for every place and channel.</summary>
    internal static double Surplus(Conv2d conv, long[] input)
    {
        var (taps, places) = ((double)conv.Kernel * conv.Kernel, Places(conv, input));
        return places == 1 ? taps : taps - (double)(input[1] * input[2]) / places;
    }

    /// <summary>Why no batch at all is taken apart here; null where nothing stands against it.</summary>
    internal static string? Obstacle(Conv2d conv, long[] input, bool trainMode) =>
        conv.Groups > 1 ? "its groups of channels do not mix"
        : Places(conv, input) == 1 ? null
        : (conv.Kernel - 1) * conv.Dilation < conv.Stride ? "its windows do not overlap, so that nothing ties their places together"
        : trainMode && conv.Padding == 0 ? "without padding BatchNorm in train mode hides a constant of every channel"
        : Shifts(conv, input[1]) || Shifts(conv, input[2]) ? "its windows reach over one border only, so that shifted inputs look alike"
        : null;

    /// <summary>
    /// Whether an input shifted by one window has no patches but those that it had, so that it lies in the same space: at one border the
    /// window that becomes new is empty, at the other nothing is read that is lost.
    /// </summary>
    private static bool Shifts(Conv2d conv, long size)
    {
        var reach = (conv.Kernel - 1L) * conv.Dilation - conv.Padding;
        var last = ((size + conv.Padding - reach - 1) / conv.Stride) * conv.Stride;
        return (reach < conv.Stride && last + reach < size) || (conv.Padding == 0 && last >= size - conv.Stride);
    }

    private static long Places(Conv2d conv, long[] input) => conv.Follow(input) is var output ? output[1] * output[2] : 0;
}
