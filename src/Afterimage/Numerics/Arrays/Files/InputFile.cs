namespace Afterimage.Numerics.Arrays;

/// <summary>A file that a user named: a regular file that can be read and holds something, or one sentence at once.</summary>
public static class InputFile
{
    /// <summary>Opens a file to read it from the beginning to the end.</summary>
    /// <param name="path">As the user wrote it.</param>
    /// <param name="wanted">What should be there, such as "a .safetensors or .npz file".</param>
    /// <exception cref="AfterimageException">It is missing, empty, not a regular file, or cannot be read.</exception>
    public static FileStream Open(string path, string wanted)
    {
        if (path.Length == 0 || path.Contains('\0'))
            throw new AfterimageException($"\"{ArrayFault.Plain(path)}\" is not the path of a file: give the path of {wanted}.");
        if (FileKind.Other(path) is { } other)
            throw ArrayFault.File(path, $"is {other}: give the path of {wanted}");
        FileStream? stream = null;
        try
        {
            stream = File.OpenRead(path);
            return stream.Length > 0 ? stream : throw ArrayFault.File(path, $"is an empty{Ending(path)} file: export or copy it again");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw ArrayFault.File(path, $"does not exist: give the path of {wanted}", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw ArrayFault.File(path, "may not be read by this user: change its permissions", error);
        }
        catch (Exception error) when (error is IOException or NotSupportedException)
        {
            throw ArrayFault.File(path, $"cannot be read ({error.Message.TrimEnd('.')}): give the path of {wanted}", error);
        }
        catch (AfterimageException)
        {
            stream?.Dispose();
            throw;
        }
    }

    /// <summary>The whole file.</summary>
    /// <exception cref="AfterimageException">It is missing, empty, not a regular file, larger than 2 GB, or cannot be read.</exception>
    /// <param name="path">As the user wrote it.</param>
    /// <param name="wanted">What should be there.</param>
    public static byte[] Bytes(string path, string wanted)
    {
        using var stream = Open(path, wanted);
        if (stream.Length > Array.MaxLength)
            throw ArrayFault.File(path, $"has {stream.Length} bytes; at most {Array.MaxLength} can be read");
        return Reading(path, () => StreamBytes.Read(stream, stream.Length));
    }

    /// <summary>The whole file as text.</summary>
    /// <exception cref="AfterimageException">It is missing, empty, not a regular file, larger than 2 GB, or cannot be read.</exception>
    /// <param name="path">As the user wrote it.</param>
    /// <param name="wanted">What should be there.</param>
    public static string Text(string path, string wanted)
    {
        using var text = new StreamReader(new MemoryStream(Bytes(path, wanted)));
        return text.ReadToEnd();
    }

    private static string Ending(string path) =>
        Path.GetExtension(path) is { Length: > 1 and < 16 } ending ? " " + ArrayFault.Plain(ending) : "";

    /// <summary>What a read returns; a device that fails on the way is the file's fault.</summary>
    internal static T Reading<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (IOException error)
        {
            throw ArrayFault.File(path, $"cannot be read ({error.Message.TrimEnd('.')}): copy it to another disk", error);
        }
    }
}
