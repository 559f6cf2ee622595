namespace Afterimage.Data;

/// <summary>Noise with a 1/f amplitude spectrum on a periodic tile: octaves of smooth noise, all of the same variance.</summary>
internal sealed class LeafTexture
{
    private const int Side = 256;
    private readonly float[] tile = new float[Side * Side];

    public LeafTexture(Random random)
    {
        for (var cells = 4; cells <= Side; cells *= 2)
        {
            var grid = new float[cells * cells];
            for (var i = 0; i < grid.Length; i++)
                grid[i] = (float)(random.NextDouble() * 2 - 1);
            for (var y = 0; y < Side; y++)
                for (var x = 0; x < Side; x++)
                    tile[y * Side + x] += Smooth(grid, cells, (float)x * cells / Side, (float)y * cells / Side);
        }
        var deviation = (float)Math.Sqrt(tile.Average(value => value * value));
        for (var i = 0; i < tile.Length; i++)
            tile[i] /= deviation;
    }

    /// <summary>The texture at a point, in pixels of the tile; mean 0, variance 1.</summary>
    public float At(float x, float y) => Smooth(tile, Side, x, y);

    private static float Smooth(float[] grid, int side, float x, float y)
    {
        var (left, top) = (MathF.Floor(x), MathF.Floor(y));
        var (u, v) = (Ease(x - left), Ease(y - top));
        var (x0, y0) = (Wrap((int)left, side), Wrap((int)top, side));
        var (x1, y1) = ((x0 + 1) % side, (y0 + 1) % side);
        var above = grid[y0 * side + x0] * (1 - u) + grid[y0 * side + x1] * u;
        var below = grid[y1 * side + x0] * (1 - u) + grid[y1 * side + x1] * u;
        return above * (1 - v) + below * v;
    }

    private static int Wrap(int n, int side) => (n % side + side) % side;

    private static float Ease(float t) => t * t * (3 - 2 * t);
}
