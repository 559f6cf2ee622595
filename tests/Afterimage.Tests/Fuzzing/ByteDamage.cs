namespace Afterimage.Tests.Fuzzing;

/// <summary>What disks and networks do to any file.</summary>
internal static class ByteDamage
{
    private static readonly byte[] Telling = [0, 1, 0x7F, 0x80, 0xFF, (byte)'9', (byte)'-', (byte)'"', (byte)'{', (byte)'.'];

    public static byte[] Of(byte[] bytes, Random random)
    {
        if (bytes.Length == 0)
            return [0];
        var at = random.Next(bytes.Length);
        var length = Math.Min(bytes.Length - at, 1 + random.Next(random.Next(3) == 0 ? 2000 : 20));
        switch (random.Next(9))
        {
            case 0:
                return bytes[..at];
            case 1:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 2:
                return [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]];
            case 3:
                return [.. bytes, .. Noise(random, length)];
            case 4:
                return [.. bytes[..at], .. new byte[length], .. bytes[(at + length)..]];
            case 5:
                return [.. bytes[..at], .. Noise(random, length), .. bytes[(at + length)..]];
            case 6:
                var edited = bytes.ToArray();
                edited[at] = Telling[random.Next(Telling.Length)];
                return edited;
            default:
                var flipped = bytes.ToArray();
                for (var times = random.Next(1, 9); times > 0; times--)
                    flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
                return flipped;
        }
    }

    private static byte[] Noise(Random random, int length)
    {
        var noise = new byte[length];
        random.NextBytes(noise);
        return noise;
    }
}
