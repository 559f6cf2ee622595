using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Afterimage.Audit.Cases;

/// <summary>One client, one round, one attack: an experiment without axes, and which of its batches.</summary>
/// <param name="Configuration">The experiment of this case alone, with the values of its axes put in.</param>
/// <param name="Trial">The batch, from 0.</param>
/// <param name="Axes">The values that tell it from its siblings, by the last part of the pointer.</param>
/// <param name="Json">Its canonical JSON.</param>
/// <param name="Part">Which part of the case this is, where it has several that are attacked; empty for the whole.</param>
public sealed record Case(
    Experiment Configuration, int Trial, ImmutableSortedDictionary<string, string> Axes, string Json, string Part = "")
{
    /// <summary>SHA-256 of the canonical JSON, the trial and the part.</summary>
    public string Id { get; } = Convert.ToHexStringLower(SHA256.HashData(
        Encoding.UTF8.GetBytes(Part.Length == 0 ? $"{Json}\n{Trial}" : $"{Json}\n{Trial}\n{Part}")));

    /// <summary>Wall time of its attack in seconds; null for as long as it takes.</summary>
    public double? Seconds => (Configuration.Budget ?? Configuration.Attack.DefaultSeconds(Configuration.Client.ExpectedBatch() ?? 1))
        is > 0 and var seconds ? seconds : null;

    /// <summary>The case in words: the values of its axes, or "the batch" where there are none.</summary>
    public string Name { get; } = Axes.Count == 0
        ? "the batch" : string.Join(", ", Axes.Select(axis => $"{axis.Key} {axis.Value}"));
}
