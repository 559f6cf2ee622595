using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>A JSON file that says how the TorchScript files of a generator go together.</summary>
/// <param name="Stages">The files in order, next to the JSON file; one for the whole generator.</param>
/// <param name="Shape">The shape of an image.</param>
/// <param name="Latent">How many numbers a latent has.</param>
internal sealed record ScriptedGeneratorFile(ValueList<string> Stages, ImageShape Shape, [property: Range(1, 1_000_000)] int Latent)
    : ISettings
{
    private const string Wanted = "a generator: a .safetensors of \"afterimage train generator\", or the .json of TorchScript files";

    /// <summary>The range of the pixels that the last file gives.</summary>
    public PixelRange Pixels { get; init; } = PixelRange.Unit;

    /// <inheritdoc/>
    public string? Fault => Stages.Count == 0 ? "A generator needs at least one file of TorchScript: name it in \"stages\"." : null;

    /// <exception cref="AfterimageException">The file or one that it names is missing or damaged, or they do not fit.</exception>
    public static ScriptedGenerator Open(string path)
    {
        using var reader = new StreamReader(InputFile.Open(path, Wanted));
        var file = Catalog.Standard.Read<ScriptedGeneratorFile>(reader.ReadToEnd(), path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return ScriptedGenerator.Open([.. file.Stages.Select(stage => Path.Combine(folder, stage))], file.Shape, file.Latent, file.Pixels);
    }
}
