using Afterimage.Models;

namespace Afterimage.Leakage;

/// <summary>
/// The linear equations that a convolution puts on the input x of a single image: W x = z, and K x = dL/dW once dL/dz is known.
/// </summary>
internal static class RankAnalysisEquations
{
    /// <summary>
    /// K for one input channel, shape [outputs * kernel * kernel, height * width]; all channels share it. Zeros of the padding never enter.
    /// </summary>
    /// <param name="conv">The layer; one group.</param>
    /// <param name="input">Its input shape [C,H,W].</param>
    /// <param name="signal">dL/dz of shape [1,outputs,rows,columns], double precision on the CPU.</param>
    public static Tensor OfGradient(Conv2d conv, long[] input, Tensor signal)
    {
        var (height, width) = ((int)input[1], (int)input[2]);
        var (rows, columns) = ((int)signal.shape[2], (int)signal.shape[3]);
        var values = signal.reshape(-1).data<double>().ToArray();
        var matrix = new double[(long)conv.Output * conv.Kernel * conv.Kernel * height * width];
        for (var o = 0; o < conv.Output; o++)
            for (var ky = 0; ky < conv.Kernel; ky++)
                for (var kx = 0; kx < conv.Kernel; kx++)
                {
                    var start = (((long)o * conv.Kernel + ky) * conv.Kernel + kx) * height * width;
                    for (var row = 0; row < rows; row++)
                        for (var column = 0; column < columns; column++)
                        {
                            var y = row * conv.Stride + ky * conv.Dilation - conv.Padding;
                            var x = column * conv.Stride + kx * conv.Dilation - conv.Padding;
                            if (y >= 0 && y < height && x >= 0 && x < width)
                                matrix[start + y * width + x] += values[(o * rows + row) * columns + column];
                        }
                }
        return tensor(matrix).view(-1, height * width);
    }

    /// <summary>The transposed convolution, which gives exactly the input's shape back.</summary>
    /// <param name="conv">The layer.</param>
    /// <param name="weight">Its weights.</param>
    /// <param name="input">Its input shape [C,H,W].</param>
    /// <param name="y">Of shape [B,outputs,rows,columns].</param>
    public static Tensor Transpose(Conv2d conv, Tensor weight, long[] input, Tensor y)
    {
        var reach = conv.Dilation * (conv.Kernel - 1L) + 1 - 2L * conv.Padding;
        long Rest(int axis) => input[axis] - ((y.shape[axis + 1] - 1) * conv.Stride + reach);
        return nn.functional.conv_transpose2d(y, weight, null, [conv.Stride, conv.Stride], [conv.Padding, conv.Padding],
            [Rest(1), Rest(2)], [conv.Dilation, conv.Dilation], conv.Groups);
    }
}
