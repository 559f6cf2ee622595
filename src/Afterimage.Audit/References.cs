using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Audit;

/// <summary>The papers behind what Afterimage does, by citation key; the entries are in References.bib.</summary>
public static class References
{
    /// <summary>Every entry by its key.</summary>
    public static ImmutableSortedDictionary<string, Citation> All { get; } = Load();

    /// <summary>The citation with a key.</summary>
    /// <exception cref="AfterimageException">There is no entry with this key.</exception>
    public static Citation Find(string key) => All.TryGetValue(key, out var citation) ? citation
        : throw new AfterimageException($"No reference has the key \"{key}\": add it to References.bib.");

    private static ImmutableSortedDictionary<string, Citation> Load()
    {
        using var stream = typeof(References).Assembly.GetManifestResourceStream("References.bib")
            ?? throw new InvalidOperationException("References.bib is not embedded in the assembly.");
        using var reader = new StreamReader(stream);
        return Bibliography.Parse(reader.ReadToEnd())
            .ToImmutableSortedDictionary(entry => entry.Key, entry => entry, StringComparer.Ordinal);
    }
}
