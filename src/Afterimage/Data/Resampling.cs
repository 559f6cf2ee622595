namespace Afterimage.Data;

/// <summary>Separable resizing with a triangle filter whose width grows with the scale, so that shrinking does not alias.</summary>
internal static class Resampling
{
    public readonly record struct Taps(int First, float[] Weights);

    /// <summary>The weighted inputs of each output, for outputs that are centered on the inputs.</summary>
    /// <param name="available">Number of inputs.</param>
    /// <param name="scale">Inputs for one output.</param>
    /// <param name="wanted">Number of outputs.</param>
    public static Taps[] Weights(int available, double scale, int wanted)
    {
        var offset = (available - scale * wanted) / 2;
        var support = Math.Max(1, scale);
        return [.. Enumerable.Range(0, wanted).Select(i =>
        {
            var center = offset + (i + 0.5) * scale;
            var first = Math.Clamp((int)Math.Floor(center - support), 0, available - 1);
            var last = Math.Clamp((int)Math.Ceiling(center + support), first + 1, available);
            var weights = Enumerable.Range(first, last - first)
                .Select(j => Math.Max(0, 1 - Math.Abs(j + 0.5 - center) / support)).ToArray();
            var sum = weights.Sum();
            return new Taps(first, [.. weights.Select(weight => (float)(weight / sum))]);
        })];
    }

    public static void Apply(float[] plane, int width, Taps[] rows, Taps[] columns, Span<float> output)
    {
        var line = new float[width];
        for (var y = 0; y < rows.Length; y++)
        {
            Array.Clear(line);
            for (var k = 0; k < rows[y].Weights.Length; k++)
                for (var x = 0; x < width; x++)
                    line[x] += rows[y].Weights[k] * plane[(rows[y].First + k) * width + x];
            for (var x = 0; x < columns.Length; x++)
            {
                var sum = 0f;
                for (var k = 0; k < columns[x].Weights.Length; k++)
                    sum += columns[x].Weights[k] * line[columns[x].First + k];
                output[y * columns.Length + x] = Math.Clamp(sum, 0, 1);
            }
        }
    }
}
