namespace Afterimage.Networks;

/// <summary>Weights of an untrained network in one vector.</summary>
internal static class InitialWeights
{
    /// <summary>
    /// Normal weights of variance gain^2/inputs for tensors of two dimensions and more, ones where a name ends in "scale", zeros elsewhere.
    /// </summary>
    /// <param name="layout">Names and shapes.</param>
    /// <param name="random">The stream.</param>
    /// <param name="gain">For a name; 0 gives zeros.</param>
    public static Tensor Normal(TensorLayout layout, RandomSource random, Func<string, double> gain) => Tidy.Keep(() =>
    {
        using var normal = random.Generator(CPU);
        Tensor Initial(TensorLayout.Entry entry)
        {
            if (entry.Name.EndsWith("scale", StringComparison.Ordinal))
                return ones(entry.Count);
            if (entry.Shape.Length < 2)
                return zeros(entry.Count);
            var inputs = (double)entry.Count / entry.Shape[0];
            return randn([entry.Count], ScalarType.Float32, CPU, generator: normal) * (gain(entry.Name) / Math.Sqrt(inputs));
        }
        return cat([.. layout.Entries.Select(Initial)]);
    });
}
