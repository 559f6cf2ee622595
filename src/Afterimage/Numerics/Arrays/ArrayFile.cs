namespace Afterimage.Numerics.Arrays;

public enum ArrayFormat { Safetensors, Npz, Npy }

/// <summary>A file of arrays, read whole: safetensors, .npz or .npy, told apart by their first bytes.</summary>
public sealed record ArrayFile(string Path, ArrayFormat Format, IReadOnlyList<NamedArray> Arrays)
{
    /// <exception cref="AfterimageException">The file is missing, unreadable or malformed.</exception>
    public static ArrayFile Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Read(stream, path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new AfterimageException($"{ArrayFault.Plain(path)} does not exist: give the path of a .safetensors or .npz file.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw ArrayFault.File(path, $"cannot be read ({error.Message.TrimEnd('.')})", error);
        }
    }

    /// <param name="stream">A seekable stream at the start of the file.</param>
    /// <param name="path">What errors call it.</param>
    public static ArrayFile Read(Stream stream, string path)
    {
        Span<byte> start = stackalloc byte[6];
        var known = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        stream.Position = 0;
        if (known.StartsWith("PK"u8))
            return new(path, ArrayFormat.Npz, Npz.Read(stream, path));
        if (Npy.IsNpy(known))
            return new(path, ArrayFormat.Npy, [Npy.Read(StreamBytes.Read(stream, stream.Length), path, System.IO.Path.GetFileNameWithoutExtension(path))]);
        if (known is [0x80, >= 2 and <= 5, ..])
            throw ArrayFault.File(path, "is a Python pickle, which is never opened because it can run code: save with safetensors or numpy.savez");
        return new(path, ArrayFormat.Safetensors, Safetensors.Read(stream, path));
    }

    /// <summary>Writes a .safetensors or .npz file, as its name says.</summary>
    public static void Write(string path, IReadOnlyList<NamedArray> arrays)
    {
        Action<Stream, IReadOnlyList<NamedArray>> write = System.IO.Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".SAFETENSORS" => Safetensors.Write,
            ".NPZ" => Npz.Write,
            _ => throw new AfterimageException($"{path} should end in .safetensors or .npz."),
        };
        var twice = arrays.GroupBy(array => array.Name).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new AfterimageException($"{path} cannot hold two arrays called \"{twice.Key}\".");
        using var stream = File.Create(path);
        write(stream, arrays);
    }

    /// <exception cref="AfterimageException">There is none of this name.</exception>
    public NamedArray this[string name] => Arrays.FirstOrDefault(array => array.Name == name)
        ?? throw new AfterimageException($"{Path} has no array \"{name}\"; it has {string.Join(", ", Arrays.Take(8).Select(array => array.Name))}{(Arrays.Count > 8 ? ", ..." : "")}.");
}
