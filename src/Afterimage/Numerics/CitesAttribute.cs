namespace Afterimage;

/// <summary>Keys of the papers behind a part, as in the auditor's References.bib; reports cite exactly what was used.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class CitesAttribute(params string[] keys) : Attribute
{
    public IReadOnlyList<string> Keys { get; } = keys;
}
