using System.Buffers.Binary;
using System.Text;

namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>
/// Reads the data of a pickle. A pickle is a program that may call anything it names; here a name must be on the list of
/// <see cref="PickleNames"/>, whose members only rearrange data, and every other name is refused as soon as it is read.
/// </summary>
/// <param name="file">What errors call the file.</param>
/// <param name="storage">Resolves a persistent id: the numbers that lie beside the pickle.</param>
internal sealed class Unpickler(string file, Func<object?[], object?> storage)
{
    /// <summary>A state dict takes some 40 operations for each tensor.</summary>
    private const int MostOperations = 2_000_000;

    private static readonly object Mark = new();
    private readonly Stack<object?> stack = new();
    private readonly Dictionary<int, object?> memo = [];
    private int at;

    /// <summary>The object of the pickle that begins at <paramref name="position"/>, which moves behind it.</summary>
    /// <exception cref="AfterimageException">The pickle names what is not on the list, or is damaged.</exception>
    public object? Read(ReadOnlySpan<byte> bytes, ref int position)
    {
        (at, var operations) = (position, 0);
        stack.Clear();
        memo.Clear();
        try
        {
            while (bytes[at] != (byte)'.')
                if (++operations > MostOperations)
                    throw ArrayFault.File(file, $"has a pickle of more than {MostOperations:N0} operations, which no state dict needs");
                else
                    Step(bytes);
            position = at + 1;
            return stack.Pop();
        }
        catch (Exception error) when (error is InvalidOperationException or IndexOutOfRangeException or ArgumentException
            or InvalidCastException or KeyNotFoundException or OverflowException or NullReferenceException)
        {
            throw ArrayFault.File(file, $"has a pickle that is damaged at its byte {at}: save or copy it again", error);
        }
    }

    private void Step(ReadOnlySpan<byte> bytes)
    {
        switch (bytes[at++])
        {
            case 0x80: at++; break;                                                      // PROTO
            case 0x95: at += 8; break;                                                   // FRAME
            case (byte)'(': stack.Push(Mark); break;
            case (byte)'0': stack.Pop(); break;
            case (byte)'1': ToMark(); break;
            case (byte)'2': stack.Push(stack.Peek()); break;
            case (byte)'N': stack.Push(null); break;
            case 0x88: stack.Push(true); break;
            case 0x89: stack.Push(false); break;
            case (byte)'J': stack.Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(bytes, 4))); break;
            case (byte)'K': stack.Push((long)Take(bytes, 1)[0]); break;
            case (byte)'M': stack.Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(bytes, 2))); break;
            case (byte)'G': stack.Push(BinaryPrimitives.ReadDoubleBigEndian(Take(bytes, 8))); break;
            case 0x8a: stack.Push(Long(Take(bytes, Take(bytes, 1)[0]))); break;          // LONG1
            case 0x8b: stack.Push(Long(Take(bytes, Length4(bytes)))); break;             // LONG4
            case (byte)'X': stack.Push(Encoding.UTF8.GetString(Take(bytes, Length4(bytes)))); break;
            case 0x8c: stack.Push(Encoding.UTF8.GetString(Take(bytes, Take(bytes, 1)[0]))); break;
            case 0x8d: stack.Push(Encoding.UTF8.GetString(Take(bytes, Length8(bytes)))); break;
            case (byte)'T': stack.Push(Encoding.Latin1.GetString(Take(bytes, Length4(bytes)))); break;
            case (byte)'U': stack.Push(Encoding.Latin1.GetString(Take(bytes, Take(bytes, 1)[0]))); break;
            case (byte)'B': stack.Push(Take(bytes, Length4(bytes)).ToArray()); break;
            case (byte)'C': stack.Push(Take(bytes, Take(bytes, 1)[0]).ToArray()); break;
            case 0x8e or 0x96: stack.Push(Take(bytes, Length8(bytes)).ToArray()); break; // BINBYTES8, BYTEARRAY8
            case (byte)'q': memo[Take(bytes, 1)[0]] = stack.Peek(); break;
            case (byte)'r': memo[BinaryPrimitives.ReadInt32LittleEndian(Take(bytes, 4))] = stack.Peek(); break;
            case 0x94: memo[memo.Count] = stack.Peek(); break;                           // MEMOIZE
            case (byte)'h': stack.Push(memo[Take(bytes, 1)[0]]); break;
            case (byte)'j': stack.Push(memo[BinaryPrimitives.ReadInt32LittleEndian(Take(bytes, 4))]); break;
            case (byte)')': stack.Push(Array.Empty<object?>()); break;
            case (byte)'t': stack.Push(ToMark()); break;
            case 0x85: stack.Push(Pop(1)); break;
            case 0x86: stack.Push(Pop(2)); break;
            case 0x87: stack.Push(Pop(3)); break;
            case (byte)']' or 0x8f: stack.Push(new List<object?>()); break;              // a set is a list here
            case (byte)'l': stack.Push(ToMark().ToList()); break;
            case 0x91: stack.Push(ToMark().ToList()); break;                             // FROZENSET
            case (byte)'a': Append(Pop(1)); break;
            case (byte)'e' or 0x90: Append(ToMark()); break;
            case (byte)'}': stack.Push(new PickledDictionary()); break;
            case (byte)'d': stack.Push(Filled(new(), ToMark())); break;
            case (byte)'s': Set(Pop(2)); break;
            case (byte)'u': Set(ToMark()); break;
            case (byte)'c': stack.Push(Named($"{Line(bytes)}.{Line(bytes)}")); break;
            case 0x93: stack.Push(Named(string.Join('.', Pop(2).Cast<string>()))); break; // STACK_GLOBAL
            case (byte)'R' or 0x81: Call(Pop(2)); break;                                 // REDUCE, NEWOBJ
            case 0x92: Call(Pop(3)[..2]); break;                                         // NEWOBJ_EX
            case (byte)'i': Call([Named($"{Line(bytes)}.{Line(bytes)}"), ToMark()]); break;
            case (byte)'o': Object(ToMark()); break;
            case (byte)'b': Build(Pop(2)); break;
            case (byte)'Q': stack.Push(storage((object?[])stack.Pop()!)); break;
            case 0x82 or 0x83 or 0x84:
                throw ArrayFault.File(file, "has a pickle that names a class by a number of Python's extension registry, " +
                                            $"which is never run: {PickleNames.Remedy}");
            case var other:
                throw ArrayFault.File(file, FormattableString.Invariant(
                    $"has a pickle with the operation 0x{other:x2}, which torch.save does not write: save or copy it again"));
        }
    }

    private object Named(string name) => PickleNames.Find(name)
        ?? throw ArrayFault.File(file, name.StartsWith("__torch__.", StringComparison.Ordinal)
            ? $"is a model saved as TorchScript (its pickle names \"{ArrayFault.Plain(name)}\"), not a state dict: " +
              "give it as the model, and save model.state_dict() with torch.save where arrays are asked for"
            : $"has a pickle that names \"{ArrayFault.Plain(name)}\", which is never run: {PickleNames.Remedy}");

    private ReadOnlySpan<byte> Take(ReadOnlySpan<byte> bytes, int count)
    {
        var taken = bytes.Slice(at, count);
        at += count;
        return taken;
    }

    private int Length4(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt32LittleEndian(Take(bytes, 4));

    private int Length8(ReadOnlySpan<byte> bytes) => checked((int)BinaryPrimitives.ReadInt64LittleEndian(Take(bytes, 8)));

    private string Line(ReadOnlySpan<byte> bytes)
    {
        var line = Encoding.UTF8.GetString(Take(bytes, bytes[at..].IndexOf((byte)'\n')));
        at++;
        return line;
    }

    private object?[] Pop(int count)
    {
        var items = new object?[count];
        while (count > 0)
            items[--count] = stack.Pop() is var item && ReferenceEquals(item, Mark) ? throw new InvalidOperationException() : item;
        return items;
    }

    private object?[] ToMark()
    {
        var items = new List<object?>();
        for (var item = stack.Pop(); !ReferenceEquals(item, Mark); item = stack.Pop())
            items.Add(item);
        items.Reverse();
        return [.. items];
    }

    private void Append(object?[] items) => ((List<object?>)stack.Peek()!).AddRange(items);

    private void Set(object?[] pairs) => Filled((PickledDictionary)stack.Peek()!, pairs);

    private static PickledDictionary Filled(PickledDictionary target, object?[] pairs)
    {
        for (var i = 0; i < pairs.Length; i += 2)
            target.Items.Add((pairs[i], pairs[i + 1]));
        return target;
    }

    private void Object(object?[] parts) => Call([parts[0], parts[1..]]);

    private void Call(object?[] parts) => stack.Push(((PickledCall)parts[0]!).Apply((object?[])parts[1]!));

    /// <summary>Attributes of dictionaries and tensors say nothing about numbers; NumPy's arrays are filled this way.</summary>
    private void Build(object?[] parts)
    {
        if (parts[0] is NumpyObject numpy)
            numpy.Fill((object?[])parts[1]!);
        else if (parts[0] is not (PickledDictionary or TorchTensor))
            throw new InvalidOperationException();
        stack.Push(parts[0]);
    }

    /// <summary>Whole numbers of more than eight bytes, such as the magic number of old files, stay bytes.</summary>
    private static object Long(ReadOnlySpan<byte> little)
    {
        if (little.Length > sizeof(long))
            return little.ToArray();
        var value = little.Length > 0 && little[^1] >= 0x80 ? -1L : 0L;
        for (var i = little.Length - 1; i >= 0; i--)
            value = (value << 8) | little[i];
        return value;
    }
}
