using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Audit;

/// <summary>
/// Reads the part of BibTeX that References.bib uses: entries whose fields are in braces, letters in Unicode. Strict: what
/// it does not know is an error that names the line.
/// </summary>
public static class Bibliography
{
    private static readonly ImmutableArray<string> Venues = ["booktitle", "journal", "howpublished", "institution", "publisher"];
    private static readonly ImmutableArray<string> Known = ["author", "title", "year", "url", .. Venues];

    /// <summary>One citation for each entry, in the order of the text.</summary>
    /// <exception cref="AfterimageException">The text is malformed, an entry lacks a field, or a key comes twice.</exception>
    public static IReadOnlyList<Citation> Parse(string text)
    {
        var scanner = new Scanner(text);
        var citations = new List<Citation>();
        while (!scanner.AtEnd)
        {
            scanner.Expect('@');
            scanner.Word();
            scanner.Expect('{');
            var key = scanner.Word();
            if (citations.Exists(citation => citation.Key == key))
                throw scanner.Fault($"the key {key} comes twice");
            var fields = new Dictionary<string, string>();
            while (scanner.Accept(',') && !scanner.Sees('}'))
            {
                var name = scanner.Word();
                if (!Known.Contains(name))
                    throw scanner.Fault($"{key} has the unknown field {name}");
                scanner.Expect('=');
                if (!fields.TryAdd(name, scanner.Braced()))
                    throw scanner.Fault($"{key} has the field {name} twice");
            }
            scanner.Expect('}');
            citations.Add(Cite(key, fields, scanner));
        }
        return citations;
    }

    private static Citation Cite(string key, Dictionary<string, string> fields, Scanner scanner)
    {
        string Need(string name) => fields.TryGetValue(name, out var value) && value.Length > 0
            ? value : throw scanner.Fault($"{key} has no {name}");
        var year = Need("year");
        if (year.Length != 4 || !year.All(char.IsAsciiDigit))
            throw scanner.Fault($"the year of {key} is \"{year}\"");
        var venues = Venues.Where(fields.ContainsKey).ToArray();
        if (venues.Length != 1)
            throw scanner.Fault($"{key} needs exactly one of {string.Join(", ", Venues)}");
        var title = Need("title");
        var end = title.EndsWith('?') ? "" : ".";
        return new(key, $"{Authors(Need("author"))}. {title}{end} {Need(venues[0])}, {year}.", fields.GetValueOrDefault("url"));

        string Authors(string value)
        {
            var names = value.Split(" and ").Select(Name).ToArray();
            return names.Length == 1 ? names[0] : $"{string.Join(", ", names[..^1])} and {names[^1]}";
        }

        string Name(string value) => value.Split(", ") is [var family, var given] ? $"{given} {family}"
            : throw scanner.Fault($"the author \"{value}\" of {key} is not written \"Family, Given\"");
    }

    private sealed class Scanner(string text)
    {
        private int at;

        public bool AtEnd
        {
            get
            {
                SkipSpace();
                return at == text.Length;
            }
        }

        public AfterimageException Fault(string what) =>
            new($"References.bib, line {text.AsSpan(0, Math.Min(at, text.Length)).Count('\n') + 1}: {what}.");

        public bool Sees(char wanted) => !AtEnd && text[at] == wanted;

        public bool Accept(char wanted)
        {
            var found = Sees(wanted);
            at += found ? 1 : 0;
            return found;
        }

        public void Expect(char wanted)
        {
            if (!Accept(wanted))
                throw Fault(AtEnd ? $"the text ends where '{wanted}' is expected" : $"found '{text[at]}' where '{wanted}' is expected");
        }

        public string Word()
        {
            SkipSpace();
            var start = at;
            while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '-'))
                at++;
            return at > start ? text[start..at] : throw Fault("a name is expected");
        }

        /// <summary>A value in braces; inner braces, which guard capitals, are dropped.</summary>
        public string Braced()
        {
            Expect('{');
            var start = at;
            for (var depth = 1; at < text.Length; at++)
            {
                depth += text[at] switch { '{' => 1, '}' => -1, _ => 0 };
                if (text[at] is '\\' or '\n')
                    throw Fault("a value is one line of Unicode without LaTeX commands");
                if (depth == 0)
                    return text[start..at++].Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal).Trim();
            }
            throw Fault("a value is not closed");
        }

        private void SkipSpace()
        {
            while (at < text.Length && char.IsWhiteSpace(text[at]))
                at++;
        }
    }
}
