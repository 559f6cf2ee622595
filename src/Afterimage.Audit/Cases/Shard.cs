using System.Globalization;

namespace Afterimage.Audit.Cases;

/// <summary>A share of the cases of an experiment: every <paramref name="Count"/>-th, beginning at <paramref name="Index"/>.</summary>
/// <param name="Index">Which share, from 0.</param>
/// <param name="Count">How many shares there are.</param>
public sealed record Shard([property: Range(0, 99_999)] int Index, [property: Range(1, 100_000)] int Count)
{
    /// <summary>Reads "2/8", the third of eight shares.</summary>
    /// <exception cref="AfterimageException">The text is no share.</exception>
    public static Shard Parse(string text) =>
        text.Split('/') is [var index, var count] && Number(index) is { } at && Number(count) is { } of && at < of && of <= 100_000
            ? new(at, of)
            : throw new AfterimageException($"--shard \"{text}\" is no share: write its number from 0 and how many there are, " +
                "for example 0/8 for the first of eight and 7/8 for the last.");

    /// <summary>The cases of this share. Neighbors go to different shares, so that all shares take about as long.</summary>
    public IReadOnlyList<Case> Of(IReadOnlyList<Case> cases) => [.. cases.Where((_, place) => place % Count == Index)];

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
