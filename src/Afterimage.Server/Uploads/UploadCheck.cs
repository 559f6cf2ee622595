using System.IO.Compression;
using System.Text;
using Afterimage.Models;
using Afterimage.Numerics.Arrays;
using Afterimage.UpdateFiles;

namespace Afterimage.Server.Uploads;

/// <summary>
/// Finds out what an uploaded file is, with the readers that the command uses too: managed code, which runs nothing that a file holds.
/// </summary>
internal static class UploadCheck
{
    private const long LargestDescription = 1 << 20;

    /// <summary>What the file is, what is in it, and the ending under which readers know it.</summary>
    /// <exception cref="AfterimageException">It is damaged, or nothing that an audit can use.</exception>
    public static (UploadKind Kind, string Summary, string Ending) Of(string path)
    {
        var start = Start(path);
        if (start.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("{"u8) || start.AsSpan().StartsWith("//"u8))
            return Description(path);
        if (start.AsSpan().StartsWith("PK"u8) && HoldsCode(path))
            return (UploadKind.Model, Count(new TorchScriptFile(path).Check(), "tensor"), ".pt");
        var file = ArrayFile.Read(path);
        if (file.Arrays.Count == 0)
            throw new AfterimageException("It holds no arrays: export it again.");
        var ending = file.Format switch
        {
            ArrayFormat.Safetensors => ".safetensors",
            ArrayFormat.Npz => ".npz",
            ArrayFormat.Npy => ".npy",
            ArrayFormat.Torch => ".pth",
            _ => ".pbuf",
        };
        return (UploadKind.Arrays, Count(file.Arrays.Count, "array"), ending);
    }

    private static (UploadKind, string, string) Description(string path)
    {
        if (new FileInfo(path).Length > LargestDescription)
            throw new AfterimageException("It is too large for the JSON that describes an update.");
        var said = UpdateDescription.Parse(File.ReadAllText(path), "The description");
        return said.Weights is null ? (UploadKind.Description, "describes an update", ".json")
            : throw new AfterimageException("The description names a file of weights, and files are opened by their uploads alone: " +
                "leave out \"weights\", upload that file too, and choose it as the weights before the round.");
    }

    private static bool HoldsCode(string path)
    {
        try
        {
            using var zip = ZipFile.OpenRead(path);
            return zip.Entries.Any(entry => entry.FullName.Contains("/code/", StringComparison.Ordinal));
        }
        catch (InvalidDataException)
        {
            // The reader of arrays says what is wrong with it.
            return false;
        }
    }

    private static byte[] Start(string path)
    {
        using var stream = InputFile.Open(path, "a file of torch.save, .safetensors, .npz or TorchScript");
        var start = new byte[256];
        return start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
    }

    private static string Count(int count, string what) => new StringBuilder().Append(count).Append(' ').Append(what)
        .Append(count == 1 ? "" : "s").ToString();
}
