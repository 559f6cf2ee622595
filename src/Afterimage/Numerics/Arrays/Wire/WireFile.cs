namespace Afterimage.Numerics.Arrays.Wire;

/// <summary>
/// Messages of federated frameworks as they go over the wire: OpenFL's ModelProto (named tensors of raw float32), Flower's Parameters
/// (a list of .npy arrays) and Flower's ArrayRecord (named .npy arrays). All are protobuf; what a message is made of tells them apart.
/// </summary>
internal static class WireFile
{
    private const string Remedy = "save the weights by name with torch.save, safetensors or numpy.savez";

    /// <summary>Whether a file can be such a message: its first field is number 1, with a length.</summary>
    public static bool CanBe(ReadOnlySpan<byte> start) => start is [0x0a, ..] && !(start.Length > 8 && start[8] == (byte)'{');

    /// <summary>The arrays, in the order of the message.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">What errors call it.</param>
    /// <exception cref="AfterimageException">The file is no such message, is damaged, or holds compressed tensors.</exception>
    public static List<NamedArray> Read(byte[] bytes, string file)
    {
        try
        {
            var fields = new ProtobufReader(bytes).Fields().ToList();
            var first = fields[0].Inner;
            var arrays = Npy.IsNpy(first.Span) ? Parameters(fields, file)
                : fields.All(field => field.Number == 1) && OpenFl(fields, file) is { } named ? named
                : ArrayRecord(fields, file);
            return arrays.Select(array => array.Name).Distinct().Count() == arrays.Count ? arrays
                : throw ArrayFault.File(file, $"names an array twice: {Remedy}");
        }
        catch (Exception error) when (error is InvalidDataException or InvalidOperationException or ArgumentException or OverflowException)
        {
            throw ArrayFault.File(file, "is no array file that is known (.npz, .safetensors, torch.save, OpenFL's ModelProto, Flower's " +
                                        $"Parameters), or is cut or damaged: {Remedy}", error);
        }
    }

    /// <summary>Flower: tensors = 1, tensor_type = 2.</summary>
    private static List<NamedArray> Parameters(List<ProtobufReader.Field> fields, string file) =>
        [.. fields.Where(field => field.Number == 1).Select((field, i) => Npy.Read(field.Inner.Span, file, $"arr_{i}"))];

    /// <summary>Flower: items = 1 (key = 1, value = 2), or keys = 1 and values = 2; the .npy is field 4 of an array.</summary>
    private static List<NamedArray> ArrayRecord(List<ProtobufReader.Field> fields, string file)
    {
        static ReadOnlyMemory<byte> Part(ReadOnlyMemory<byte> message, int number) =>
            new ProtobufReader(message).Fields().Last(field => field.Number == number).Inner;
        var values = fields.Where(field => field.Number == 2).ToList();
        var keys = fields.Where(field => field.Number == 1).ToList();
        if (values.Count == 0)
            return [.. keys.Select(item => Npy.Read(Part(Part(item.Inner, 2), 4).Span, file,
                new ProtobufReader(item.Inner).Fields().Last(field => field.Number == 1).Text))];
        return keys.Count == values.Count
            ? [.. keys.Zip(values, (key, value) => Npy.Read(Part(value.Inner, 4).Span, file, key.Text))]
            : throw new InvalidDataException();
    }

    /// <summary>OpenFL: NamedTensor has name = 1, transformer_metadata = 6 (int_list = 2: the shape) and data_bytes = 7.</summary>
    private static List<NamedArray>? OpenFl(List<ProtobufReader.Field> fields, string file)
    {
        var arrays = new List<NamedArray>();
        foreach (var field in fields)
        {
            var tensor = new ProtobufReader(field.Inner).Fields().ToList();
            if (tensor.Any(part => part.Number is < 1 or > 7 || (part.Number == 2 && part.Bytes is not null)))
                return null;
            var name = tensor.Last(part => part.Number == 1).Text;
            var transformers = tensor.Where(part => part.Number == 6).ToList();
            var data = tensor.LastOrDefault(part => part.Number == 7).Bytes ?? ReadOnlyMemory<byte>.Empty;
            if (transformers is not [var only] || new ProtobufReader(only.Inner).Fields().Any(part => part.Number != 2))
                throw ArrayFault.Tensor(file, name, "went through a compression pipeline of OpenFL, which is not undone here: " + Remedy);
            long[] shape = [.. new ProtobufReader(only.Inner).Fields().SelectMany(part => part.Numbers())];
            if (shape.Length > 64 || ElementType.Float32.Bytes(shape) != data.Length)
                throw ArrayFault.Tensor(file, name, $"has {data.Length} bytes, which shape {ArrayFault.Plain(ArrayFault.Shape(shape))} " +
                                                    $"of float32 does not need: {Remedy}");
            if (!name.StartsWith("__opt_state", StringComparison.Ordinal))
                arrays.Add(new(name, shape.ToValueList(), ElementType.Float32, data.ToArray()));
        }
        return arrays;
    }
}
