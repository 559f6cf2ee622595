using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

/// <summary>Small images for tests, the same every time.</summary>
internal static class Pictures
{
    public static float[] Noise(ImageShape shape, ulong seed)
    {
        var random = new RandomSource(seed).Managed();
        return [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextSingle())];
    }

    public static float[] Flat(ImageShape shape, float value) => [.. Enumerable.Repeat(value, shape.Count)];

    /// <summary>Smooth stripes, so that windows have structure.</summary>
    public static float[] Stripes(ImageShape shape, double frequency) =>
        [.. Enumerable.Range(0, shape.Count).Select(i => i % shape.Width + 0.3 * (i / shape.Width))
            .Select(place => (float)(0.5 + 0.4 * Math.Sin(frequency * place)))];

    public static Image NoiseImage(ImageShape shape, ulong seed) => new(shape, Noise(shape, seed));

    public static Image FlatImage(ImageShape shape, float value) => new(shape, Flat(shape, value));
}
