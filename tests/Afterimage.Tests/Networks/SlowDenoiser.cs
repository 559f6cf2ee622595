using Afterimage.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

/// <summary>FFDNet by its definition: loops over every number, one output at a time.</summary>
internal static class SlowDenoiser
{
    /// <summary>One number of the denoised image [C,H,W].</summary>
    public static double At(Denoiser denoiser, Tensor image, double sigma, int channel, int y, int x)
    {
        var (height, width) = ((int)image.shape[1], (int)image.shape[2]);
        var (rows, columns) = ((height + 1) / 2, (width + 1) / 2);
        var features = new double[4 * denoiser.Shape.Channels + 1, rows, columns];
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
            {
                for (var i = 0; i < 4 * denoiser.Shape.Channels; i++)
                {
                    var (pixelRow, pixelColumn) = (Math.Min(2 * row + i / 2 % 2, height - 1), Math.Min(2 * column + i % 2, width - 1));
                    features[i, row, column] = image[i / 4, pixelRow, pixelColumn].ToDouble();
                }
                features[4 * denoiser.Shape.Channels, row, column] = sigma;
            }
        for (var layer = 0; layer < denoiser.Shape.Depth; layer++)
        {
            var (weight, bias) = (denoiser.Parameters[2 * layer], denoiser.Parameters[2 * layer + 1]);
            features = Layer(features, weight, bias, rectified: layer < denoiser.Shape.Depth - 1);
        }
        var made = features[4 * channel + 2 * (y % 2) + x % 2, y / 2, x / 2];
        return denoiser.Shape.Residual ? image[channel, y, x].ToDouble() + made / 10 : made;
    }

    private static double[,,] Layer(double[,,] features, Tensor weight, Tensor bias, bool rectified)
    {
        var (inputs, rows, columns) = (features.GetLength(0), features.GetLength(1), features.GetLength(2));
        var weights = weight.detach().contiguous().data<float>().ToArray();
        var biases = bias.detach().data<float>().ToArray();
        var output = new double[biases.Length, rows, columns];
        for (var o = 0; o < biases.Length; o++)
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < columns; column++)
                {
                    var sum = (double)biases[o];
                    for (var i = 0; i < inputs; i++)
                        for (var tap = 0; tap < 9; tap++)
                            if (row + tap / 3 - 1 is var r && r >= 0 && r < rows && column + tap % 3 - 1 is var c && c >= 0 && c < columns)
                                sum += weights[(o * inputs + i) * 9 + tap] * features[i, r, c];
                    output[o, row, column] = rectified ? Math.Max(0, sum) : sum;
                }
        return output;
    }
}
