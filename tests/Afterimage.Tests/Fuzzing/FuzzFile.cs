namespace Afterimage.Tests.Fuzzing;

/// <summary>What a file is for.</summary>
internal enum FuzzKind { Update, Sidecar, Weights, Experiment, Script }

/// <summary>A file that some user might hand over, true or damaged.</summary>
internal sealed record FuzzFile(FuzzKind Kind, string Ending, byte[] Bytes)
{
    /// <summary>The damaged file of this number, a function of seed and number alone.</summary>
    public static FuzzFile Damaged(int seed, int number)
    {
        var random = new Random(unchecked(seed * 1_000_003 + number));
        var kind = (FuzzKind)(number % 5);
        var seeds = FuzzSeeds.All.Where(file => file.Kind == kind).ToArray();
        var file = seeds[random.Next(seeds.Length)];
        var bytes = file.Bytes;
        for (var times = random.Next(3) == 0 ? 2 : 1; times > 0; times--)
            bytes = Damage(file.Ending, bytes, random);
        return file with { Bytes = bytes };
    }

    private static byte[] Damage(string ending, byte[] bytes, Random random) => random.Next(3) == 0 ? ByteDamage.Of(bytes, random)
        : ending switch
        {
            ".npz" or ".pt" => ZipDamage.Of(bytes, random),
            ".json" => TextDamage.OfBytes(bytes, random),
            ".safetensors" => SafetensorsDamage.Of(bytes, random),
            _ => ByteDamage.Of(bytes, random),
        };
}
