using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>How the windows of a convolution lie over its input: not all of them see it, and not all of it is seen.</summary>
internal static class WindowReach
{
    /// <summary>Outputs of the windows that see at least one number of the input; the others see padding alone.</summary>
    public static long Outputs(Conv2d conv, long[] input) => conv.Output * Windows(conv, input[1]) * Windows(conv, input[2]);

    /// <summary>Numbers of the input that no window sees.</summary>
    public static long Unseen(Conv2d conv, long[] input) => input[0] * (input[1] * input[2] - Seen(conv, input[1]) * Seen(conv, input[2]));

    private static int Windows(Conv2d conv, long size) => Starts(conv, size).Count(start => Places(conv, start, size).Any());

    private static int Seen(Conv2d conv, long size) =>
        Starts(conv, size).SelectMany(start => Places(conv, start, size)).Distinct().Count();

    private static IEnumerable<long> Starts(Conv2d conv, long size)
    {
        var reach = (conv.Kernel - 1L) * conv.Dilation;
        for (var start = -(long)conv.Padding; start + reach < size + conv.Padding; start += conv.Stride)
            yield return start;
    }

    private static IEnumerable<long> Places(Conv2d conv, long start, long size) => Enumerable.Range(0, conv.Kernel)
        .Select(tap => start + (long)tap * conv.Dilation).Where(place => place >= 0 && place < size);
}
