using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Afterimage.Attacks;

namespace Afterimage.Cli;

/// <summary>What parts say of themselves: the summaries of their XML documentation, which the build puts beside each assembly.</summary>
internal sealed partial class Summaries
{
    private readonly ConcurrentDictionary<string, Dictionary<string, string>> files = [];

    public string Of(Type part) => Find(part, $"T:{part.FullName}");

    /// <summary>A published attack documents its property of <see cref="Known"/>; another one its type.</summary>
    public string Of(string name, Attack attack)
    {
        var property = typeof(Known).GetProperties().FirstOrDefault(candidate => ReferenceEquals(candidate.GetValue(null), attack));
        return property is null ? $"{name}: {Of(attack.GetType())}" : Find(typeof(Known), $"P:{typeof(Known).FullName}.{property.Name}");
    }

    private string Find(Type type, string member) =>
        files.GetOrAdd(Path.ChangeExtension(type.Assembly.Location, ".xml"), Read).GetValueOrDefault(member, "");

    private static Dictionary<string, string> Read(string path) => !File.Exists(path) ? [] : XDocument.Load(path).Descendants("member")
        .Where(member => member.Element("summary") is not null)
        .ToDictionary(member => member.Attribute("name")!.Value, member => Plain(member.Element("summary")!));

    private static string Plain(XElement summary) => Space().Replace(string.Concat(summary.Nodes().Select(node => node switch
    {
        XText text => text.Value,
        XElement { Value.Length: > 0 } element => element.Value,
        XElement element => element.Attribute("cref")?.Value.Split('.')[^1] ?? "",
        _ => "",
    })), " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
