using System.Text.Json;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>
/// Generators and diffusion models in files: their weights in half precision as safetensors, with kind and settings as its metadata.
/// </summary>
internal static class GeneratorFile
{
    private const string Kind = "afterimage.kind", Settings = "afterimage.settings";
    private const string Style = "style-generator", Autoencoder = "variational-autoencoder", Denoising = "diffusion-model";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static void Write(string path, StyleShape settings, Tensor flat) => Write(path, Style, settings, settings.Layout, flat);

    public static void Write(string path, AutoencoderShape settings, Tensor flat) =>
        Write(path, Autoencoder, settings, settings.Decoder, flat);

    public static void Write(string path, DiffusionShape settings, Tensor flat) =>
        Write(path, Denoising, settings, settings.Layout, flat);

    /// <exception cref="AfterimageException">The file holds no generator, or its arrays do not fit its settings.</exception>
    public static Generator Generator(ArrayFile file)
    {
        switch (file.Metadata.GetValueOrDefault(Kind))
        {
            case Style:
                var style = Read<StyleShape>(file);
                return StyleGenerator.Of(style, Flat(file, style.Layout));
            case Autoencoder:
                var autoencoder = Read<AutoencoderShape>(file);
                return VariationalAutoencoder.Of(autoencoder, Flat(file, autoencoder.Decoder));
            default:
                throw Other(file, "generator", "afterimage train generator");
        }
    }

    /// <exception cref="AfterimageException">The file holds no diffusion model, or its arrays do not fit its settings.</exception>
    public static DiffusionModel Diffusion(ArrayFile file)
    {
        if (file.Metadata.GetValueOrDefault(Kind) != Denoising)
            throw Other(file, "diffusion model", "afterimage train generator --kind diffusion");
        var settings = Read<DiffusionShape>(file);
        return DiffusionModel.Of(settings, Flat(file, settings.Layout));
    }

    /// <summary>Whether a file holds a network of this kind.</summary>
    public static bool Is(ArrayFile file, string kind) => file.Metadata.GetValueOrDefault(Kind) == kind;

    /// <summary>What is said of a file that holds something else.</summary>
    public static AfterimageException Other(ArrayFile file, string wanted, string command) => new($"{file.Path} is no {wanted}" +
        $"{(file.Metadata.GetValueOrDefault(Kind) is { } kind ? $" but a {ArrayFault.Plain(kind)}" : "")}: \"{command}\" makes one.");

    /// <summary>Writes any network, with further arrays and texts where it has some.</summary>
    public static void Write<T>(string path, string kind, T settings, TensorLayout layout, Tensor flat,
        IReadOnlyList<NamedArray>? arrays = null, Dictionary<string, string>? texts = null)
    {
        using var scope = Tidy.Scope();
        ArrayFile.Write(path, [.. layout.Entries.Zip(new GradientSet(layout, flat).Split(),
            (entry, part) => NamedArray.Halved(NamedArray.Of(entry.Name, part))), .. arrays ?? []],
            new Dictionary<string, string>(texts ?? []) { [Kind] = kind, [Settings] = JsonSerializer.Serialize(settings, Json) });
    }

    /// <summary>The settings of a network.</summary>
    public static T Read<T>(ArrayFile file) where T : class
    {
        try
        {
            var settings = JsonSerializer.Deserialize<T>(file.Metadata.GetValueOrDefault(Settings) ?? "", Json)
                ?? throw new JsonException();
            Numerics.Settings.Check(settings);
            return settings;
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or AfterimageException)
        {
            var reason = error is AfterimageException ? $" ({error.Message.TrimEnd('.')})" : "";
            throw new AfterimageException(
                $"{file.Path} has settings that are damaged{reason}: fetch the file again, or train the network again.", error);
        }
    }

    private static Tensor Flat(ArrayFile file, TensorLayout layout)
    {
        var arrays = Weights.Fit(file, layout.Entries.Select(entry => (entry.Name, entry.Shape)));
        return Tidy.Keep(() => cat([.. layout.Entries.Select(entry => arrays[entry.Name].ToTensor(ScalarType.Float32, CPU).reshape(-1))]));
    }
}
