using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Cli.Conditions;

/// <summary>Reads a <see cref="Condition"/>; an error says where reading stopped and what was expected there.</summary>
internal sealed partial class ConditionParser(string text)
{
    private static readonly ImmutableArray<(string Sign, Relation Relation)> Relations =
    [
        ("<", Relation.Less), ("<=", Relation.AtMost), (">", Relation.Greater), (">=", Relation.AtLeast),
        ("==", Relation.Equal), ("!=", Relation.Different),
    ];

    private readonly Match[] tokens = [.. Token().Matches(text).Cast<Match>()];
    private int at;

    public Condition Parse()
    {
        var alternatives = new List<ValueList<Comparison>>();
        do
        {
            var all = new List<Comparison>();
            do
                all.Add(Comparison());
            while (Accept("and"));
            alternatives.Add(all.ToValueList());
        }
        while (Accept("or"));
        return at == tokens.Length ? new(text, alternatives.ToValueList()) : throw Fault("\"and\", \"or\" or the end");
    }

    private Comparison Comparison()
    {
        if (Accept("verdict"))
            return new VerdictComparison(NextRelation(), NextLevel());
        if (Accept("identification"))
            return new IdentificationComparison(NextRelation(), Number(Next(token => Number(token) is not null, "a number"))!.Value);
        var name = Next(token => Name().IsMatch(token), "a metric and a statistic, for example ssim.max, or verdict, " +
            "or identification").Split('.');
        var statistic = Statistic.All.FirstOrDefault(candidate => candidate.Name == name[1])
            ?? throw new AfterimageException($"The condition \"{text}\" asks for \"{name[1]}\" of {name[0]}; " +
                $"a metric has {string.Join(", ", Statistic.All.Select(known => known.Name))}.");
        var relation = NextRelation();
        return new MetricComparison(name[0], statistic, relation, Number(Next(token => Number(token) is not null, "a number"))!.Value);
    }

    private Relation NextRelation()
    {
        var signs = Relations.Select(known => known.Sign);
        var sign = Next(token => signs.Contains(token), $"one of {string.Join(" ", signs)}");
        return Relations.First(known => known.Sign == sign).Relation;
    }

    private LeakLevel NextLevel()
    {
        var levels = VerdictComparison.Levels.ToDictionary(level => level.ToString(), StringComparer.OrdinalIgnoreCase);
        return levels[Next(levels.ContainsKey, $"one of {string.Join(" ", levels.Keys.Select(level => level.ToLowerInvariant()))}")];
    }

    private static double? Number(string token) =>
        double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;

    private bool Accept(string word)
    {
        var found = at < tokens.Length && tokens[at].Value.Equals(word, StringComparison.OrdinalIgnoreCase);
        at += found ? 1 : 0;
        return found;
    }

    private string Next(Func<string, bool> fits, string expected) =>
        at < tokens.Length && fits(tokens[at].Value) ? tokens[at++].Value : throw Fault(expected);

    private AfterimageException Fault(string expected) => new(at < tokens.Length
        ? $"The condition \"{text}\" has \"{tokens[at].Value}\" at character {tokens[at].Index + 1}, where {expected} is expected."
        : $"The condition \"{text}\" ends where {expected} is expected.");

    [GeneratedRegex(@"[<>=!]+|[^\s<>=!]+")]
    private static partial Regex Token();

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9-]*\.[A-Za-z]+$")]
    private static partial Regex Name();
}
