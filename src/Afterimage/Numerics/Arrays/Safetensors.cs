using System.Collections.Frozen;
using System.Buffers.Binary;
using System.Text.Json;

namespace Afterimage.Numerics.Arrays;

/// <summary>
/// The safetensors format: eight bytes of header length, a JSON header (type, shape and byte range of each name), the numbers.
/// Every statement of the header is checked against the length of the file before anything is allocated.
/// </summary>
internal static class Safetensors
{
    private const long LongestHeader = 100_000_000;
    private const string Metadata = "__metadata__";

    private static readonly FrozenDictionary<string, ElementType> Types = new Dictionary<string, ElementType>
    {
        ["BOOL"] = ElementType.Bool, ["U8"] = ElementType.UInt8, ["U16"] = ElementType.UInt16, ["U32"] = ElementType.UInt32,
        ["U64"] = ElementType.UInt64, ["I8"] = ElementType.Int8, ["I16"] = ElementType.Int16, ["I32"] = ElementType.Int32,
        ["I64"] = ElementType.Int64, ["F16"] = ElementType.Float16, ["BF16"] = ElementType.BFloat16, ["F32"] = ElementType.Float32,
        ["F64"] = ElementType.Float64,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private sealed record Place(string Name, ElementType Type, ValueList<long> Shape, long Begin, long End);

    /// <summary>Whether a file begins like one: a header length, then a JSON object.</summary>
    public static bool IsLikely(ReadOnlySpan<byte> start) => start is [_, _, _, _, _, _, _, _, (byte)'{', ..];

    /// <summary>All tensors, in the order of their numbers in the file, and the texts beside them.</summary>
    /// <param name="stream">A seekable stream at the start of the file.</param>
    /// <param name="file">What errors call it.</param>
    /// <exception cref="AfterimageException">The file is truncated or malformed.</exception>
    public static ArrayFile Read(Stream stream, string file)
    {
        Span<byte> prefix = stackalloc byte[8];
        if (stream.Length < 8 || stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
            throw ArrayFault.File(file, $"has {stream.Length} bytes, too few for a safetensors file");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > (ulong)Math.Min(LongestHeader, stream.Length - 8))
            throw ArrayFault.File(file,
                $"is not a safetensors file, or is cut: it claims a header of {length} bytes and has {stream.Length} in all");
        var header = StreamBytes.Read(stream, (long)length);
        if (header.Length < (long)length)
            throw ArrayFault.File(file, "ends inside its header");
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var places = Places(header, stream.Length - 8 - (long)length, file, metadata);
        var arrays = new List<NamedArray>(places.Count);
        foreach (var place in places)
        {
            var bytes = StreamBytes.Read(stream, place.End - place.Begin, stream.Length);
            if (bytes.Length < place.End - place.Begin)
                throw ArrayFault.Tensor(file, place.Name, "is cut: the file ends inside it");
            arrays.Add(new(place.Name, place.Shape, place.Type, bytes));
        }
        return new(file, ArrayFormat.Safetensors, arrays) { Metadata = metadata };
    }

    private static List<Place> Places(byte[] header, long dataLength, string file, Dictionary<string, string> metadata)
    {
        var places = new List<Place>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            using var json = JsonDocument.Parse(header);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw ArrayFault.File(file, "has a safetensors header that is not a JSON object");
            foreach (var entry in json.RootElement.EnumerateObject())
            {
                if (!names.Add(entry.Name))
                    throw ArrayFault.Tensor(file, entry.Name, "is there twice");
                if (entry.Name != Metadata)
                    places.Add(Parse(entry.Name, entry.Value, dataLength, file));
                else if (entry.Value.ValueKind == JsonValueKind.Object)
                    foreach (var text in entry.Value.EnumerateObject().Where(text => text.Value.ValueKind == JsonValueKind.String))
                        metadata[text.Name] = text.Value.GetString()!;
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw ArrayFault.File(file, "has a safetensors header that is not JSON: the file is damaged or of another kind", error);
        }
        places.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        var end = 0L;
        foreach (var place in places)
        {
            if (place.Begin != end)
                throw ArrayFault.Tensor(file, place.Name, place.Begin < end ? "overlaps another one"
                    : $"leaves a gap: it begins at {place.Begin}, not {end}");
            end = place.End;
        }
        return end == dataLength ? places
            : throw ArrayFault.File(file, $"holds {dataLength} bytes of numbers, but its header names {end} of them: the file is damaged");
    }

    private static Place Parse(string name, JsonElement entry, long dataLength, string file)
    {
        if (entry.ValueKind != JsonValueKind.Object
            || !entry.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !entry.TryGetProperty("shape", out var extents) || Integers(extents) is not { } shape
            || !entry.TryGetProperty("data_offsets", out var places) || Integers(places) is not [var begin, var end])
            throw ArrayFault.Tensor(file, name, "has no proper dtype, shape and data_offsets: shapes and offsets are whole numbers");
        if (!Types.TryGetValue(dtype.GetString()!, out var type))
            throw ArrayFault.Tensor(file, name,
                $"has the element type \"{ArrayFault.Plain(dtype.GetString()!)}\", which is not read: convert it to float32");
        if (shape.Length > 64 || type.Bytes(shape) is not { } bytes)
            throw ArrayFault.Tensor(file, name, $"has the impossible shape {ArrayFault.Plain(ArrayFault.Shape(shape))}");
        if (begin < 0 || end < begin || end > dataLength)
            throw ArrayFault.Tensor(file, name, $"lies at bytes {begin} to {end} of {dataLength}: the file is cut or damaged");
        if (end - begin != bytes)
            throw ArrayFault.Tensor(file, name, $"has {end - begin} bytes, but shape {ArrayFault.Shape(shape)} of {type} needs {bytes}");
        return bytes <= Array.MaxLength ? new(name, type, shape.ToValueList(), begin, end)
            : throw ArrayFault.Tensor(file, name, $"has {bytes} bytes; at most {Array.MaxLength} can be read");
    }

    private static long[]? Integers(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array)
            return null;
        var numbers = new List<long>();
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var number))
                return null;
            numbers.Add(number);
        }
        return [.. numbers];
    }

    /// <summary>Writes arrays in the order given.</summary>
    public static void Write(Stream stream, IReadOnlyList<NamedArray> arrays) => Write(stream, arrays, null);

    /// <summary>Writes arrays in the order given, and texts beside them.</summary>
    public static void Write(Stream stream, IReadOnlyList<NamedArray> arrays, IReadOnlyDictionary<string, string>? metadata)
    {
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            var offset = 0L;
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(Metadata);
                foreach (var (name, text) in metadata)
                    json.WriteString(name, text);
                json.WriteEndObject();
            }
            foreach (var array in arrays)
            {
                json.WriteStartObject(array.Name);
                json.WriteString("dtype", Types.First(pair => pair.Value == array.Type).Key);
                json.WriteStartArray("shape");
                foreach (var extent in array.Shape)
                    json.WriteNumberValue(extent);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += array.Bytes.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
        stream.Write(prefix);
        stream.Write(header.ToArray());
        foreach (var array in arrays)
            stream.Write(array.Bytes);
    }
}
