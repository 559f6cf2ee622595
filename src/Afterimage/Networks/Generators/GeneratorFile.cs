using System.Text.Json;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>
/// Generators and diffusion models in files: their weights in half precision as safetensors, with kind and settings as its metadata.
/// </summary>
internal static class GeneratorFile
{
    private const string Kind = "afterimage.kind", Settings = "afterimage.settings";
    private const string Style = "style-generator";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static void Write(string path, StyleShape settings, Tensor flat) => Write(path, Style, settings, settings.Layout, flat);

    /// <exception cref="AfterimageException">The file holds no generator, or its arrays do not fit its settings.</exception>
    public static Generator Generator(ArrayFile file) => file.Metadata.GetValueOrDefault(Kind) switch
    {
        Style => Read<StyleShape>(file) is var settings ? StyleGenerator.Of(settings, Flat(file, settings.Layout)) : null!,
        var kind => throw Other(file, kind, "generator", "\"afterimage train generator\" makes one"),
    };

    private static AfterimageException Other(ArrayFile file, string? kind, string wanted, string advice) => new(
        $"{file.Path} is no {wanted}{(kind is null ? "" : $" but a {ArrayFault.Plain(kind)}")}: {advice}.");

    private static void Write<T>(string path, string kind, T settings, TensorLayout layout, Tensor flat)
    {
        using var scope = Tidy.Scope();
        ArrayFile.Write(path, [.. layout.Entries.Zip(new GradientSet(layout, flat).Split(),
            (entry, part) => NamedArray.Halved(NamedArray.Of(entry.Name, part)))],
            new Dictionary<string, string> { [Kind] = kind, [Settings] = JsonSerializer.Serialize(settings, Json) });
    }

    private static T Read<T>(ArrayFile file) where T : class
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
            throw new AfterimageException($"{file.Path} has settings that are damaged" +
                $"{(error is AfterimageException ? $" ({error.Message.TrimEnd('.')})" : "")}: train the network again, or fetch the file again.",
                error);
        }
    }

    private static Tensor Flat(ArrayFile file, TensorLayout layout)
    {
        var arrays = Weights.Fit(file, layout.Entries.Select(entry => (entry.Name, entry.Shape)));
        return Tidy.Keep(() => cat([.. layout.Entries.Select(entry => arrays[entry.Name].ToTensor(ScalarType.Float32, CPU).reshape(-1))]));
    }
}
