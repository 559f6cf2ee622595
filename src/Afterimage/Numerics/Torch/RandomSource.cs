using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Afterimage.Numerics;

/// <summary>
/// A seed from which independent random streams are derived by name, so that a further random choice in one place changes no
/// number in another. Nothing in Afterimage uses a global generator.
/// </summary>
/// <param name="seed">Any number; equal seeds give equal streams.</param>
public sealed class RandomSource(ulong seed)
{
    /// <summary>The seed of this stream.</summary>
    public ulong Seed { get; } = seed;

    /// <summary>The stream of this name and index, a function of both and of this stream's seed.</summary>
    public RandomSource Derive(string name, long index = 0)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{Seed}/{name}/{index}"), hash);
        return new(BinaryPrimitives.ReadUInt64LittleEndian(hash));
    }

    /// <summary>A fresh libtorch generator; the caller owns it.</summary>
    public Generator Generator(Device device) => new(Seed, device);

    /// <summary>A fresh .NET generator.</summary>
    public Random Managed() => new(unchecked((int)(Seed ^ (Seed >> 32))));
}
