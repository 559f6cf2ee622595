namespace Afterimage.Priors;

/// <summary>An orthonormal wavelet transform: each level splits rows and columns into a smooth and a detailed half.</summary>
internal sealed class WaveletTransform
{
    private static readonly double RootHalf = Math.Sqrt(0.5);
    private static readonly double Root3 = Math.Sqrt(3);

    private readonly List<(Tensor Rows, Tensor Columns)> levels = [];

    public WaveletTransform(int height, int width, int most, Wavelet wavelet, ScalarType type, Device device)
    {
        var filter = Filter(wavelet);
        bool Splits(int side) => side % 2 == 0 && side >= filter.Length;
        for (; levels.Count < most && Splits(height) && Splits(width); height /= 2, width /= 2)
            levels.Add((Split(height, filter).to(type, device), Split(width, filter).to(type, device).t()));
    }

    /// <summary>The coefficients of images [B,C,H,W]: the details of every level in two blocks, and the smooth rest.</summary>
    public (IReadOnlyList<Tensor> Details, Tensor Smooth) Of(Tensor images)
    {
        var details = new List<Tensor>();
        foreach (var (rows, columns) in levels)
        {
            var split = rows.matmul(images).matmul(columns);
            var (height, width) = (split.shape[2] / 2, split.shape[3] / 2);
            details.Add(split.narrow(2, height, height));
            details.Add(split.narrow(2, 0, height).narrow(3, width, width));
            images = split.narrow(2, 0, height).narrow(3, 0, width);
        }
        return (details, images);
    }

    private static double[] Filter(Wavelet wavelet) => wavelet == Wavelet.Haar
        ? [RootHalf, RootHalf]
        : [.. new[] { 1 + Root3, 3 + Root3, 3 - Root3, 1 - Root3 }.Select(tap => tap * RootHalf / 4)];

    /// <summary>[n,n], orthonormal: the smooth half above the detailed half.</summary>
    private static Tensor Split(int size, double[] filter)
    {
        var matrix = new double[size, size];
        for (var row = 0; row < size / 2; row++)
            for (var tap = 0; tap < filter.Length; tap++)
            {
                var column = (2 * row + tap) % size;
                matrix[row, column] += filter[tap];
                matrix[size / 2 + row, column] += (tap % 2 == 0 ? 1 : -1) * filter[filter.Length - 1 - tap];
            }
        return tensor(matrix);
    }
}
