using System.Buffers.Binary;

namespace Afterimage.Tests.Fuzzing;

/// <summary>Safetensors files whose header is edited and whose header length is true or not.</summary>
internal static class SafetensorsDamage
{
    public static byte[] Of(byte[] bytes, Random random)
    {
        if (bytes.Length < 8)
            return ByteDamage.Of(bytes, random);
        var length = (int)Math.Clamp(BinaryPrimitives.ReadInt64LittleEndian(bytes), 0, bytes.Length - 8);
        var header = TextDamage.OfBytes(bytes[8..(8 + length)], random);
        var prefix = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, random.Next(8) == 0 ? random.NextInt64() : header.Length);
        return [.. prefix, .. header, .. bytes[(8 + length)..]];
    }
}
