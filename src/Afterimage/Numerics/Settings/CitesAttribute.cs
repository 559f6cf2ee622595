namespace Afterimage;

/// <summary>Names the papers behind a part by their keys in References.bib, so that a report cites exactly what was used.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class CitesAttribute(params string[] keys) : Attribute
{
    /// <summary>BibTeX keys.</summary>
    public IReadOnlyList<string> Keys { get; } = keys;
}
