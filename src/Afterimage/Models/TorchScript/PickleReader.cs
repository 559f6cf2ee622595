using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Afterimage.Models.TorchScript;

/// <summary>
/// Reads the pickle opcodes that TorchScript writes. A pickle can hold a program; this reader runs none. An object becomes its
/// named attributes, a tensor its shape, and the result of any other call a placeholder.
/// </summary>
internal static class PickleReader
{
    public static object? Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return new Machine().Run(bytes);
        }
        catch (Exception error) when (error is InvalidOperationException or IndexOutOfRangeException or ArgumentException
            or InvalidCastException or KeyNotFoundException or OverflowException)
        {
            throw new UnreadableScriptException("its data.pkl is damaged");
        }
    }

    private static readonly object Mark = new();

    private sealed class Machine
    {
        private readonly Stack<object?> stack = new();
        private readonly Dictionary<int, object?> memo = [];

        public object? Run(ReadOnlySpan<byte> bytes)
        {
            var at = 0;
            while (true)
                switch (bytes[at++])
                {
                    case 0x80: at++; break;                                                                  // PROTO
                    case (byte)'.': return stack.Pop();
                    case (byte)'(': stack.Push(Mark); break;
                    case (byte)'N': stack.Push(null); break;
                    case 0x88: stack.Push(true); break;
                    case 0x89: stack.Push(false); break;
                    case (byte)'J': stack.Push((long)BinaryPrimitives.ReadInt32LittleEndian(bytes[at..])); at += 4; break;
                    case (byte)'K': stack.Push((long)bytes[at++]); break;
                    case (byte)'M': stack.Push((long)BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..])); at += 2; break;
                    case 0x8a: stack.Push(Long(bytes.Slice(at + 1, bytes[at]))); at += 1 + bytes[at]; break; // LONG1
                    case (byte)'G': stack.Push(BinaryPrimitives.ReadDoubleBigEndian(bytes[at..])); at += 8; break;
                    case (byte)'X':
                        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);
                        stack.Push(Encoding.UTF8.GetString(bytes.Slice(at + 4, length)));
                        at += 4 + length;
                        break;
                    case (byte)'c':
                        stack.Push(new PickledName($"{Line(bytes, ref at)}.{Line(bytes, ref at)}"));
                        break;
                    case (byte)'q': memo[bytes[at++]] = stack.Peek(); break;
                    case (byte)'r': memo[BinaryPrimitives.ReadInt32LittleEndian(bytes[at..])] = stack.Peek(); at += 4; break;
                    case (byte)'h': stack.Push(memo[bytes[at++]]); break;
                    case (byte)'j': stack.Push(memo[BinaryPrimitives.ReadInt32LittleEndian(bytes[at..])]); at += 4; break;
                    case (byte)')': stack.Push(Array.Empty<object?>()); break;
                    case (byte)'t': stack.Push(PopToMark()); break;
                    case 0x85: stack.Push(Pop(1)); break;
                    case 0x86: stack.Push(Pop(2)); break;
                    case 0x87: stack.Push(Pop(3)); break;
                    case (byte)']': stack.Push(new List<object?>()); break;
                    case (byte)'a': Append(Pop(1)); break;
                    case (byte)'e': Append(PopToMark()); break;
                    case (byte)'}': stack.Push(new OrderedDictionary<string, object?>()); break;
                    case (byte)'s': Set(Pop(2)); break;
                    case (byte)'u': Set(PopToMark()); break;
                    case 0x81: New(); break;
                    case (byte)'b': Build(); break;
                    case (byte)'R': Reduce(); break;
                    case (byte)'Q': stack.Push(new PickledStorage((object?[])stack.Pop()!)); break;
                    case var other: throw new UnreadableScriptException(
                        FormattableString.Invariant($"its data.pkl uses the pickle opcode 0x{other:x2}, which TorchScript does not write"));
                }
        }

        private object?[] PopToMark()
        {
            var items = new List<object?>();
            for (var item = stack.Pop(); !ReferenceEquals(item, Mark); item = stack.Pop())
                items.Add(item);
            items.Reverse();
            return [.. items];
        }

        private object?[] Pop(int count)
        {
            var items = new object?[count];
            for (var i = count - 1; i >= 0; i--)
                items[i] = stack.Pop();
            return items;
        }

        private void Append(object?[] items) => ((List<object?>)stack.Peek()!).AddRange(items);

        private void Set(object?[] pairs)
        {
            var target = (OrderedDictionary<string, object?>)stack.Peek()!;
            for (var i = 0; i < pairs.Length; i += 2)
                target[Convert.ToString(pairs[i], CultureInfo.InvariantCulture) ?? "None"] = pairs[i + 1];
        }

        private void New()
        {
            stack.Pop();
            stack.Push(new PickledObject(((PickledName)stack.Pop()!).Name));
        }

        private void Build()
        {
            var state = stack.Pop();
            var target = (PickledObject)stack.Peek()!;
            if (state is OrderedDictionary<string, object?> attributes)
                foreach (var (name, value) in attributes)
                    target.Attributes[name] = value;
        }

        private void Reduce()
        {
            var arguments = (object?[])stack.Pop()!;
            var name = ((PickledName)stack.Pop()!).Name;
            stack.Push(name switch
            {
                "torch._utils._rebuild_tensor_v2" => new PickledTensor([.. ((object?[])arguments[2]!).Select(size => (long)size!)]),
                "torch._utils._rebuild_parameter" or "torch.jit._pickle.restore_type_tag" => arguments[0],
                "torch.jit._pickle.build_intlist" or "torch.jit._pickle.build_doublelist" or "torch.jit._pickle.build_boollist"
                    or "torch.jit._pickle.build_tensorlist" => arguments[0],
                "collections.OrderedDict" => new OrderedDictionary<string, object?>(),
                _ => new PickledName(name),
            });
        }

        private static long Long(ReadOnlySpan<byte> little)
        {
            if (little.Length > 8)
                throw new OverflowException();
            var value = little.Length > 0 && little[^1] >= 0x80 ? -1L : 0L;
            for (var i = little.Length - 1; i >= 0; i--)
                value = (value << 8) | little[i];
            return value;
        }

        private static string Line(ReadOnlySpan<byte> bytes, ref int at)
        {
            var length = bytes[at..].IndexOf((byte)'\n');
            var line = Encoding.UTF8.GetString(bytes.Slice(at, length));
            at += length + 1;
            return line;
        }
    }
}

/// <summary>An instance of a class of the archive's code, with its attributes in registration order.</summary>
internal sealed class PickledObject(string type)
{
    public string Type { get; } = type;

    public OrderedDictionary<string, object?> Attributes { get; } = [];
}

/// <summary>The shape of a tensor. Two references to one tensor are the same object.</summary>
internal sealed class PickledTensor(long[] shape)
{
    public long[] Shape { get; } = shape;
}

internal sealed record PickledName(string Name);

internal sealed record PickledStorage(object?[] Identity);

/// <summary>A TorchScript file that cannot be turned into known layers; the message completes "because ...".</summary>
internal sealed class UnreadableScriptException(string reason) : Exception(reason);
