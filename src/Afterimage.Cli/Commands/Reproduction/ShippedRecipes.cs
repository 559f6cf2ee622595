using System.Reflection;
using Afterimage.Audit.Recipes;

namespace Afterimage.Cli.Commands.Reproduction;

/// <summary>The recipes that come with the command, in the order of the source article, and those of files.</summary>
internal static class ShippedRecipes
{
    private const string Prefix = "recipes/", Ending = ".json";

    /// <summary>Names in the order of the gallery: files are numbered, names are not.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Own.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(name => NameOf(name[Prefix.Length..^Ending.Length]))];

    private static Assembly Own => typeof(ShippedRecipes).Assembly;

    /// <summary>A recipe by its name, or from a file whose name ends with .json.</summary>
    /// <exception cref="AfterimageException">There is none of this name, or the file is no recipe.</exception>
    public static (string Name, Recipe Recipe) Open(RecipeFile files, string name)
    {
        if (name.EndsWith(Ending, StringComparison.Ordinal))
            return (NameOf(Path.GetFileNameWithoutExtension(name)), files.Read(name));
        var resource = Own.GetManifestResourceNames().FirstOrDefault(resource => resource.StartsWith(Prefix, StringComparison.Ordinal)
                && NameOf(resource[Prefix.Length..^Ending.Length]) == name)
            ?? throw new AfterimageException(
                $"There is no recipe \"{name}\"; there are {string.Join(", ", Names)}, and files (NAME.json).");
        using var reader = new StreamReader(Own.GetManifestResourceStream(resource)!);
        return (name, files.Parse(reader.ReadToEnd(), $"The recipe {name}"));
    }

    /// <summary>"pipeline" for "01-pipeline".</summary>
    private static string NameOf(string file) =>
        file.Split('-', 2) is [var number, var name] && number.All(char.IsAsciiDigit) ? name : file;
}
