using System.Text.Json;
using System.Text.Json.Serialization;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>A JSON file that says how the TorchScript files of a generator go together.</summary>
/// <param name="Stages">The files in order, next to the JSON file; one for the whole generator.</param>
/// <param name="Shape">The shape of an image, such as 3x32x32.</param>
/// <param name="Latent">How many numbers a latent has.</param>
internal sealed record ScriptedGeneratorFile(string[] Stages, string Shape, int Latent)
{
    private const string Wanted = "a generator: a .safetensors of \"afterimage train generator\", or the .json of TorchScript files";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
    };

    /// <summary>The range of the pixels that the last file gives.</summary>
    public PixelRange Pixels { get; init; } = PixelRange.Unit;

    /// <exception cref="AfterimageException">The file or one that it names is missing or damaged, or they do not fit.</exception>
    public static ScriptedGenerator Open(string path)
    {
        using var stream = InputFile.Open(path, Wanted);
        try
        {
            var file = JsonSerializer.Deserialize<ScriptedGeneratorFile>(stream, Json)
                ?? throw new AfterimageException($"{path} is null: write a JSON object.");
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            return ScriptedGenerator.Open([.. file.Stages.Select(stage => Path.Combine(folder, stage))], ImageShape.Parse(file.Shape),
                file.Latent, file.Pixels);
        }
        catch (JsonException error)
        {
            throw ArrayFault.File(path, $"does not describe a generator ({JsonFault.Words(error)})", error);
        }
    }
}
