using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Models;

namespace Afterimage.Cli.Options;

/// <summary>What a name on the command line stands for, as canonical JSON: a part of the catalog, or a file.</summary>
internal static class PartName
{
    private static readonly ImmutableArray<string> ScriptEndings = [".pt", ".pth", ".ts", ".torchscript"];

    /// <summary>A built-in architecture, or a TorchScript file.</summary>
    public static JsonNode Model(Catalog catalog, string name)
    {
        if (ScriptEndings.Contains(Path.GetExtension(name)) || (catalog.Find(typeof(ModelSource), name) is null && File.Exists(name)))
            return Part<ModelSource>(catalog, new JsonObject { ["kind"] = "torch-script-file", ["path"] = name });
        return catalog.Find(typeof(ModelSource), name) is { } type && type != typeof(TorchScriptFile)
            ? Part<ModelSource>(catalog, new JsonObject { ["kind"] = Catalog.Kind(type) })
            : throw Unknown("model", name, catalog.Parts(typeof(ModelSource)).Where(part => part != typeof(TorchScriptFile)).Select(Catalog.Kind), "or give a TorchScript file (.pt)");
    }

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
    public static IEnumerable<string> DataNames(Catalog catalog) => catalog.Parts(typeof(DataSource))
        .SelectMany(part => part == typeof(ImageFolder) ? [] : part == typeof(IdxImages) ? DataCatalog.Entries.Select(entry => entry.Name).Where(name => name.EndsWith("mnist", StringComparison.Ordinal)) : [Catalog.Kind(part)]);

    private static JsonNode Part<T>(Catalog catalog, JsonObject json) where T : class => Part(catalog, catalog.Read<T>(json.ToJsonString(), "The command line"));

    private static JsonNode Part<T>(Catalog catalog, T part) => JsonNode.Parse(catalog.Write(part))!;

    private static AfterimageException Unknown(string what, string name, IEnumerable<string> known, string otherwise) =>
        new($"There is no {what} \"{name}\"; there are {string.Join(", ", known)}; {otherwise}.");

    private static string Plain(string name) => name.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
}
