using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Afterimage.Models.TorchScript;

/// <summary>
/// Reads the pickle opcodes that TorchScript writes. A pickle can hold a program; this reader runs none. An object becomes its
/// named attributes, a tensor its shape and place, and the result of any other call a placeholder.
/// </summary>
internal static class PickleReader
{
    /// <param name="bytes">The pickle.</param>
    /// <param name="name">What errors call it.</param>
    public static Pickled Read(ReadOnlySpan<byte> bytes, string name)
    {
        try
        {
            var machine = new Machine(name);
            return new(machine.Run(bytes), machine.Tensors, machine.Names);
        }
        catch (Exception error) when (error is InvalidOperationException or IndexOutOfRangeException or ArgumentException
            or InvalidCastException or KeyNotFoundException or OverflowException or NullReferenceException)
        {
            throw new UnreadableScriptException($"its {name} is damaged");
        }
    }

    private static readonly object Mark = new();

    private sealed class Machine(string file)
    {
        public List<PickledTensor> Tensors { get; } = [];

        public HashSet<string> Names { get; } = [];

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
                        var global = new PickledName($"{Line(bytes, ref at)}.{Line(bytes, ref at)}");
                        Names.Add(global.Name);
                        stack.Push(global);
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
                        FormattableString.Invariant($"its {file} uses the pickle opcode 0x{other:x2}, which TorchScript does not write"));
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
                "torch._utils._rebuild_tensor_v2" => Tensor(arguments),
                "torch._utils._rebuild_parameter" or "torch.jit._pickle.restore_type_tag" => arguments[0],
                "torch.jit._pickle.build_intlist" or "torch.jit._pickle.build_doublelist" or "torch.jit._pickle.build_boollist"
                    or "torch.jit._pickle.build_tensorlist" => arguments[0],
                "collections.OrderedDict" => new OrderedDictionary<string, object?>(),
                _ => new PickledName(name),
            });
        }

        private PickledTensor Tensor(object?[] arguments)
        {
            var tensor = new PickledTensor(Longs(arguments[2]), Longs(arguments[3]), (long)arguments[1]!,
                (PickledStorage)arguments[0]!, arguments.Length > 4 && arguments[4] is true);
            Tensors.Add(tensor);
            return tensor;
        }

        private static long[] Longs(object? sizes) => [.. ((object?[])sizes!).Select(size => (long)size!)];

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

/// <summary>What a pickle holds.</summary>
/// <param name="Root">The object itself.</param>
/// <param name="Tensors">Every tensor on the way.</param>
/// <param name="Names">Every class and function that it names.</param>
internal sealed record Pickled(object? Root, IReadOnlyList<PickledTensor> Tensors, IReadOnlySet<string> Names);

/// <summary>A tensor's shape and where its numbers lie. Two references to one tensor are the same object.</summary>
internal sealed class PickledTensor(long[] shape, long[] strides, long offset, PickledStorage storage, bool trained)
{
    public long[] Shape { get; } = shape;

    public PickledStorage Storage { get; } = storage;

    /// <summary>Whether the file asks for its gradient.</summary>
    public bool IsTrained { get; } = trained;

    /// <summary>The number of a tensor without dimensions; null for a type that is neither a whole nor a real number.</summary>
    /// <param name="bytes">Its storage.</param>
    public object? Number(ReadOnlySpan<byte> bytes) => Storage.Type switch
    {
        "torch.LongStorage" => BinaryPrimitives.ReadInt64LittleEndian(bytes[(int)(8 * offset)..]),
        "torch.IntStorage" => (long)BinaryPrimitives.ReadInt32LittleEndian(bytes[(int)(4 * offset)..]),
        "torch.DoubleStorage" => BinaryPrimitives.ReadDoubleLittleEndian(bytes[(int)(8 * offset)..]),
        "torch.FloatStorage" => (double)BinaryPrimitives.ReadSingleLittleEndian(bytes[(int)(4 * offset)..]),
        _ => null,
    };

    /// <summary>Whether every number lies within its storage.</summary>
    public bool Fits
    {
        get
        {
            if (Shape.Length != strides.Length || offset < 0 || Shape.Any(size => size < 0) || strides.Any(stride => stride < 0))
                return false;
            var last = (Int128)offset;
            for (var i = 0; i < Shape.Length; i++)
                last += (Int128)(Shape[i] - 1) * strides[i];
            return Shape.Contains(0) || last < Storage.Count;
        }
    }
}

internal sealed record PickledName(string Name);

/// <summary>The persistent id of a storage: ("storage", type, key, device, count).</summary>
internal sealed class PickledStorage(object?[] identity)
{
    /// <summary>For example torch.FloatStorage.</summary>
    public string Type { get; } = ((PickledName)identity[1]!).Name;

    /// <summary>The name of its file under data/.</summary>
    public string Key { get; } = (string)identity[2]!;

    /// <summary>How many numbers it holds.</summary>
    public long Count { get; } = (long)identity[4]!;

    /// <summary>Bytes of one number; null for a type that is none.</summary>
    public int? Size => Type switch
    {
        "torch.ByteStorage" or "torch.CharStorage" or "torch.BoolStorage" or "torch.QUInt8Storage" or "torch.QInt8Storage" => 1,
        "torch.HalfStorage" or "torch.BFloat16Storage" or "torch.ShortStorage" => 2,
        "torch.FloatStorage" or "torch.IntStorage" or "torch.QInt32Storage" => 4,
        "torch.DoubleStorage" or "torch.LongStorage" or "torch.ComplexFloatStorage" => 8,
        "torch.ComplexDoubleStorage" => 16,
        _ => null,
    };
}

/// <summary>A TorchScript file that cannot be turned into known layers; the message completes "because ...".</summary>
internal sealed class UnreadableScriptException(string reason, string? module = null) : Exception(reason)
{
    /// <summary>The same reason with the module of the file in which it was found.</summary>
    public UnreadableScriptException In(string name) => module is null && name.Length > 0 ? new($"{Message} (in {name})", name) : this;
}
