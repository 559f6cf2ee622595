using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Afterimage;

/// <summary>What the XML documentation, which the compiler writes beside an assembly, says of a type or a property.</summary>
internal sealed partial class CatalogDocumentation
{
    private readonly Dictionary<Assembly, ILookup<string, XElement>> read = [];

    /// <summary>The first sentence; null where nothing is said.</summary>
    public string? Sentence(MemberInfo described)
    {
        // What a positional record says of its properties stands with the record.
        var summary = described is Type type ? Member($"T:{type.FullName}", type)?.Element("summary")
            : Member($"P:{described.DeclaringType!.FullName}.{described.Name}", described)?.Element("summary")
                ?? Member($"T:{described.DeclaringType.FullName}", described)?.Elements("param")
                    .FirstOrDefault(entry => entry.Attribute("name")?.Value == described.Name);
        return summary is null ? null : FirstSentence().Match(Space().Replace(Text(summary), " ").Trim()).Value;
    }

    private XElement? Member(string name, MemberInfo described)
    {
        var assembly = described.Module.Assembly;
        if (!read.TryGetValue(assembly, out var members))
            read[assembly] = members = (Read(assembly)?.Descendants("member") ?? [])
                .ToLookup(entry => entry.Attribute("name")?.Value ?? "");
        return members[name].FirstOrDefault();
    }

    private static XDocument? Read(Assembly assembly)
    {
        // An application in a single file has no location of its assemblies.
        var folder = Path.GetDirectoryName(assembly.Location) is { Length: > 0 } found ? found : AppContext.BaseDirectory;
        var path = Path.Combine(folder, assembly.GetName().Name + ".xml");
        return File.Exists(path) ? XDocument.Load(path) : null;
    }

    private static string Text(XElement element) => string.Concat(element.Nodes().Select(node => node switch
    {
        XText text => text.Value,
        XElement inner => Reference(inner)?.Split('.', ':')[^1] ?? Text(inner),
        _ => "",
    }));

    private static string? Reference(XElement element) =>
        (element.Attribute("cref") ?? element.Attribute("langword") ?? element.Attribute("name"))?.Value;

    /// <summary>Up to a full stop that ends the text or comes before a capital: "et al., 2020" and "e.g. this" go on.</summary>
    [GeneratedRegex(@"^.*?\.(?=$| [A-Z])|^.+$", RegexOptions.CultureInvariant)]
    private static partial Regex FirstSentence();

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Space();
}
