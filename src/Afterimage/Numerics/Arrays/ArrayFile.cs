using System.Collections.ObjectModel;
using Afterimage.Numerics.Arrays.TorchSave;
using Afterimage.Numerics.Arrays.Wire;

namespace Afterimage.Numerics.Arrays;

/// <summary>The formats of array files.</summary>
public enum ArrayFormat
{
    /// <summary>safetensors (Hugging Face).</summary>
    Safetensors,

    /// <summary>NumPy's archive of named arrays.</summary>
    Npz,

    /// <summary>One NumPy array.</summary>
    Npy,

    /// <summary>PyTorch's torch.save of a state dict, a checkpoint around one, or a list of tensors.</summary>
    Torch,

    /// <summary>A protobuf message of OpenFL or Flower.</summary>
    Wire,
}

/// <summary>A file of arrays, read whole. The format is told by the first bytes, not by the name.</summary>
/// <param name="Path">What errors call the file.</param>
/// <param name="Format">How it is written.</param>
/// <param name="Arrays">The arrays, in the order of the file.</param>
public sealed record ArrayFile(string Path, ArrayFormat Format, IReadOnlyList<NamedArray> Arrays)
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="AfterimageException">The file is missing, unreadable or malformed.</exception>
    public static ArrayFile Read(string path)
    {
        using var stream = InputFile.Open(path, "a file of torch.save, .safetensors or .npz");
        return InputFile.Reading(path, () => Read(stream, path));
    }

    /// <summary>Reads a file from a stream.</summary>
    /// <param name="stream">A seekable stream at the start of the file.</param>
    /// <param name="path">What errors call it.</param>
    /// <exception cref="AfterimageException">The file is malformed.</exception>
    public static ArrayFile Read(Stream stream, string path)
    {
        Span<byte> start = stackalloc byte[1024];
        var known = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        stream.Position = 0;
        if (known.StartsWith("PK"u8))
            return Npz.Read(stream, path);
        if (Npy.IsNpy(known))
            return new(path, ArrayFormat.Npy,
                [Npy.Read(StreamBytes.Read(stream, stream.Length, stream.Length), path, System.IO.Path.GetFileNameWithoutExtension(path))]);
        if (TorchLegacy.IsLegacy(known))
            return new(path, ArrayFormat.Torch,
                ArrayNames.InOrder(TorchLegacy.Read(StreamBytes.Read(stream, stream.Length, stream.Length), path)));
        if (known.IndexOf("__fobs_"u8) >= 0)
            throw ArrayFault.File(path, "is a FOBS message of NVFlare, which names classes to build and is never opened: save its " +
                "tensors with torch.save or safetensors, or give the server's FL_global_model.pt");
        if (known is [0x80, >= 2 and <= 5, ..])
            throw ArrayFault.File(path,
                "is a Python pickle, which is never opened because it can run code: save with torch.save, safetensors or numpy.savez");
        if (System.IO.Path.GetExtension(path) is (".npz" or ".npy") and var ending && !Safetensors.IsLikely(known))
            throw ArrayFault.File(path, known.IsEmpty ? $"is an empty {ending} file: export it again"
                : $"is not a {ending} file, whatever its name says: it is cut, damaged or of another kind; export it again");
        if (WireFile.CanBe(known))
            return new(path, ArrayFormat.Wire,
                ArrayNames.InOrder(WireFile.Read(StreamBytes.Read(stream, stream.Length, stream.Length), path)));
        return Safetensors.Read(stream, path);
    }

    /// <summary>Texts beside the arrays, by name; only safetensors files have some.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Writes a .safetensors or .npz file; the ending of its name decides.</summary>
    /// <param name="path">The file.</param>
    /// <param name="arrays">In the order of the file.</param>
    /// <param name="metadata">Texts beside the arrays, for a .safetensors file alone.</param>
    /// <exception cref="AfterimageException">The name has another ending, or two arrays have one name.</exception>
    public static void Write(string path, IReadOnlyList<NamedArray> arrays, IReadOnlyDictionary<string, string>? metadata = null)
    {
        Action<Stream, IReadOnlyList<NamedArray>> write = System.IO.Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".SAFETENSORS" => (stream, list) => Safetensors.Write(stream, list, metadata),
            ".NPZ" when metadata is null => Npz.Write,
            ".NPZ" => throw new AfterimageException($"{path} should end in .safetensors, which holds texts beside its arrays."),
            _ => throw new AfterimageException($"{path} should end in .safetensors or .npz."),
        };
        var twice = arrays.GroupBy(array => array.Name).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new AfterimageException($"{path} cannot hold two arrays called \"{twice.Key}\".");
        using var stream = File.Create(path);
        write(stream, arrays);
    }

    /// <summary>The array of this name.</summary>
    /// <exception cref="AfterimageException">There is none of this name.</exception>
    public NamedArray this[string name] => Arrays.FirstOrDefault(array => array.Name == name)
        ?? throw new AfterimageException($"{Path} has no array \"{name}\"; its {Arrays.Count} arrays are called " +
            $"{string.Join(", ", Arrays.Take(8).Select(array => ArrayFault.Plain(array.Name)))}{(Arrays.Count > 8 ? ", ..." : "")}.");
}
