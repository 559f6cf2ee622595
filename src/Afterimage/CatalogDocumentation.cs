using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Afterimage;

/// <summary>What the XML documentation, which the compiler writes beside an assembly, says of a type or a property.</summary>
internal static partial class CatalogDocumentation
{
    public static string? FirstSentence(MemberInfo described)
    {
        var name = described is Type type ? $"T:{type.FullName}" : $"P:{described.DeclaringType!.FullName}.{described.Name}";
        var member = Read(described.Module.Assembly)?.Descendants("member").FirstOrDefault(entry => entry.Attribute("name")?.Value == name);
        return member?.Element("summary") is { } summary ? Sentence().Match(Space().Replace(Text(summary), " ").Trim()).Value : null;
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
    private static partial Regex Sentence();

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Space();
}
