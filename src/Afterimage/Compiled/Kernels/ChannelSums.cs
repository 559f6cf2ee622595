using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>Sums over everything but the channel: the gradients of biases and of normalizations.</summary>
internal static unsafe class ChannelSums
{
    /// <summary>to[c] = sum of values of channel c; <paramref name="scratch"/> holds one row of pixels.</summary>
    public static void Sum<T>(Kernels<T> kernels, Node<T> node, T* values, T* scratch, T* to)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var row = 0; row < node.Rows; row++)
            kernels.Scale(scratch, T.One, values + node.RowOffset(row), node.RowLength, add: row > 0);
        Fold(node, scratch, to);
    }

    /// <summary>to[c] = sum over the pixels of one row.</summary>
    public static void Fold<T>(Node<T> node, T* row, T* to) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var channel = 0; channel < node.Channels; channel++)
        {
            var sum = T.Zero;
            for (var x = 0; x < node.Width; x++)
                sum += row[x * node.Channels + channel];
            to[channel] = sum;
        }
    }
}
