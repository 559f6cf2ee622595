using System.Buffers.Binary;
using System.Text;

namespace Afterimage.Numerics.Arrays.Wire;

/// <summary>The fields of one protobuf message, in order; nothing is copied until it is asked for.</summary>
internal sealed class ProtobufReader(ReadOnlyMemory<byte> message)
{
    /// <summary>One field.</summary>
    /// <param name="Number">Its number in the message.</param>
    /// <param name="Value">A whole number; 0 for bytes.</param>
    /// <param name="Bytes">Text, bytes, packed numbers or an inner message; null for a number.</param>
    internal readonly record struct Field(int Number, long Value, ReadOnlyMemory<byte>? Bytes)
    {
        /// <summary>The bytes as UTF-8.</summary>
        public string Text => Encoding.UTF8.GetString(Inner.Span);

        /// <summary>The bytes, which a number has not.</summary>
        public ReadOnlyMemory<byte> Inner => Bytes ?? throw new InvalidDataException();

        /// <summary>Whole numbers, packed or one alone.</summary>
        public IEnumerable<long> Numbers()
        {
            if (Bytes is not { } packed)
            {
                yield return Value;
                yield break;
            }
            for (var at = 0; at < packed.Length;)
                yield return Varint(packed.Span, ref at);
        }
    }

    /// <summary>The fields one after the other.</summary>
    /// <exception cref="InvalidDataException">The message is cut or none.</exception>
    public IEnumerable<Field> Fields()
    {
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message.Span, ref at);
            var number = key >> 3;
            if (number is < 1 or > (1 << 29))
                throw new InvalidDataException();
            switch (key & 7)
            {
                case 0: yield return new((int)number, Varint(message.Span, ref at), null); break;
                case 1: yield return new((int)number, BinaryPrimitives.ReadInt64LittleEndian(Take(8, ref at).Span), null); break;
                case 2: yield return new((int)number, 0, Take(Varint(message.Span, ref at), ref at)); break;
                case 5: yield return new((int)number, BinaryPrimitives.ReadInt32LittleEndian(Take(4, ref at).Span), null); break;
                default: throw new InvalidDataException();
            }
        }
    }

    private ReadOnlyMemory<byte> Take(long count, ref int at)
    {
        if (count < 0 || count > message.Length - at)
            throw new InvalidDataException();
        var taken = message.Slice(at, (int)count);
        at += (int)count;
        return taken;
    }

    private static long Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (at >= bytes.Length)
                throw new InvalidDataException();
            var next = bytes[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return (long)value;
        }
        throw new InvalidDataException();
    }
}
