using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Models;

namespace Afterimage.Cli.Options;

/// <summary>What a name on the command line stands for, as canonical JSON: a part of the catalog, or a file.</summary>
internal static partial class PartName
{
    private static readonly ImmutableArray<string> ScriptEndings = [".pt", ".pth", ".ts", ".torchscript"];

    /// <summary>What a number behind the name of an architecture says: "resnet20" is a ResNet of depth 20.</summary>
    private static readonly ImmutableDictionary<Type, string> Sizes = ImmutableDictionary<Type, string>.Empty
        .Add(typeof(ResNet), "depth").Add(typeof(ConvNet), "width").Add(typeof(Mlp), "depth");

    /// <summary>A built-in architecture, with its size where the name ends in one, or a TorchScript file.</summary>
    public static JsonNode Model(Catalog catalog, string name)
    {
        if (ScriptEndings.Contains(Path.GetExtension(name)) || (catalog.Find(typeof(ModelSource), name) is null && File.Exists(name)))
            return Part<ModelSource>(catalog, new JsonObject { ["kind"] = "torch-script-file", ["path"] = name });
        if (catalog.Find(typeof(ModelSource), name) is { } type && type != typeof(TorchScriptFile))
            return Part<ModelSource>(catalog, new JsonObject { ["kind"] = Catalog.Kind(type) });
        if (Sized().Match(name) is { Success: true } match && catalog.Find(typeof(ModelSource), match.Groups[1].Value) is { } sized
            && Sizes.TryGetValue(sized, out var size))
            return Part<ModelSource>(catalog, new JsonObject
            {
                ["kind"] = Catalog.Kind(sized),
                [size] = int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture),
            });
        throw Unknown("model", name, ModelNames(catalog), "or give a TorchScript file (.pt)");
    }

    /// <summary>Names that --model takes: those with a size stand for any size of their kind.</summary>
    public static IEnumerable<string> ModelNames(Catalog catalog) => catalog.Parts(typeof(ModelSource)).SelectMany(part =>
        part == typeof(TorchScriptFile) ? (string[])[]
        : part == typeof(ResNet) ? ["resnet18", "resnet20", "resnet32", "resnet56"]
        : part == typeof(ConvNet) ? ["convnet", "convnet16"] : [Catalog.Kind(part)]);

    /// <summary>A public data set, a folder of images, or a file of CIFAR-10 records.</summary>
    public static JsonNode Data(Catalog catalog, string name)
    {
        if (Enum.GetValues<IdxSet>().Cast<IdxSet?>().FirstOrDefault(one => Plain(one.ToString()!) == Plain(name)) is { } set)
            return Part<DataSource>(catalog, new IdxImages { Set = set });
        if (catalog.Find(typeof(DataSource), name) is { } type && type != typeof(ImageFolder) && type != typeof(IdxImages))
            return Part<DataSource>(catalog, new JsonObject { ["kind"] = Catalog.Kind(type) });
        if (Directory.Exists(name))
            return Part<DataSource>(catalog, new ImageFolder { Folder = name });
        if (File.Exists(name) && Path.GetExtension(name) == ".bin")
            return Part<DataSource>(catalog, new Cifar10 { File = name });
        throw Unknown("data set", name, DataNames(catalog), "or give a folder of PNG or JPEG files, or a CIFAR-10 .bin file");
    }

    public static JsonNode Attack(Catalog catalog, string name) => catalog.FindAttack(name) is { } attack ? Part(catalog, attack)
        : catalog.Find(typeof(Attack), name) is { } type ? Part<Attack>(catalog, new JsonObject { ["kind"] = Catalog.Kind(type) })
        : throw Unknown("attack", name, AttackNames(catalog), "\"afterimage list attacks\" says what they do");

    /// <summary>Names that --attack takes.</summary>
    public static IEnumerable<string> AttackNames(Catalog catalog) =>
        catalog.Attacks.Keys.Concat(catalog.Parts(typeof(Attack)).Select(Catalog.Kind)).Distinct().Order(StringComparer.Ordinal);

    /// <summary>Names that --data takes.</summary>
    public static IEnumerable<string> DataNames(Catalog catalog) => catalog.Parts(typeof(DataSource)).SelectMany(part =>
        part == typeof(ImageFolder) ? []
        : part != typeof(IdxImages) ? [Catalog.Kind(part)]
        : DataCatalog.Entries.Select(entry => entry.Name).Where(name => name.EndsWith("mnist", StringComparison.Ordinal)));

    private static JsonNode Part<T>(Catalog catalog, JsonObject json) where T : class =>
        Part(catalog, catalog.Read<T>(json.ToJsonString(), "The command line"));

    private static JsonNode Part<T>(Catalog catalog, T part) => JsonNode.Parse(catalog.Write(part))!;

    private static AfterimageException Unknown(string what, string name, IEnumerable<string> known, string otherwise) =>
        new($"There is no {what} \"{name}\"; there are {string.Join(", ", known)}; {otherwise}.");

    [GeneratedRegex("^(.*?[A-Za-z])-?([1-9][0-9]{0,5})$")]
    private static partial Regex Sized();

    private static string Plain(string name) => name.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
}
