using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Afterimage.Numerics;

/// <summary>
/// A seed from which independent streams are drawn by name, so that adding a random choice in one place changes no
/// number in another. Nothing in Afterimage uses a global generator.
/// </summary>
public sealed class RandomSource(ulong seed)
{
    public ulong Seed { get; } = seed;

    public RandomSource Derive(string name, long index = 0)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{Seed}/{name}/{index}"), hash);
        return new(BinaryPrimitives.ReadUInt64LittleEndian(hash));
    }

    /// <summary>A fresh libtorch generator; the caller owns it.</summary>
    public Generator Generator(Device device) => new(Seed, device);

    /// <summary>A fresh managed generator.</summary>
    public Random Managed() => new(HashCode32());

    private int HashCode32() => unchecked((int)(Seed ^ (Seed >> 32)));
}
