using System.Text.RegularExpressions;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The filter ExcludeVars of NVFlare: parameters of given names, or whose names a pattern matches, are not sent. An attacker leaves those
/// layers out of every comparison.
/// </summary>
public sealed record ExcludeVars : Defense, ISettings
{
    /// <summary>Names of parameters that are not sent, as PyTorch writes them.</summary>
    public ValueList<string> Names { get; init; } = [];

    /// <summary>A regular expression found in the names of parameters that are not sent; null for none.</summary>
    public string? Pattern { get; init; }

    /// <inheritdoc/>
    public string? Fault
    {
        get
        {
            try
            {
                _ = Regex.IsMatch("", Pattern ?? "");
                return null;
            }
            catch (ArgumentException fault)
            {
                return $"\"{Pattern}\" is no regular expression ({fault.Message.TrimEnd('.')}): correct it, or list the names.";
            }
        }
    }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (IsIdentity)
            return update;
        if (Names.FirstOrDefault(name => update.Layout.IndexOf(name) < 0) is { } unknown)
            throw new AfterimageException($"\"exclude-vars\" names the parameter {unknown}, which the model has not: its first are " +
                $"{string.Join(", ", update.Layout.Entries.Take(4).Select(entry => entry.Name))}.");
        var sent = new GradientSet(update.Layout, update.Flat.clone());
        foreach (var entry in update.Layout.Entries.Where(entry => IsExcluded(entry.Name)))
            sent.Flat.narrow(0, entry.Offset, entry.Count).zero_();
        return sent;
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return IsIdentity ? Channel.None : new Without(this);
    }

    private bool IsIdentity => Names.Count == 0 && Pattern is null;

    private bool IsExcluded(string name) =>
        Names.Contains(name) || (Pattern is { } pattern && Regex.IsMatch(name, pattern, RegexOptions.None, TimeSpan.FromSeconds(1)));

    private sealed class Without(ExcludeVars defense) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Missing;

        public override string Description => "without the parameters " +
            string.Join(", ", defense.Names.Concat(defense.Pattern is { } pattern ? [$"that match {pattern}"] : (string[])[]));

        public override Tensor? Mask(GradientSet sent)
        {
            var mask = ones_like(sent.Flat);
            foreach (var entry in sent.Layout.Entries.Where(entry => defense.IsExcluded(entry.Name)))
                mask.narrow(0, entry.Offset, entry.Count).zero_();
            return mask;
        }

        public override bool Lacks(GradientSet sent, int tensor) => defense.IsExcluded(sent.Layout.Entries[tensor].Name);
    }
}
