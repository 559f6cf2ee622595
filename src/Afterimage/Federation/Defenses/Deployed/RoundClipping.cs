using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Flower's fixed and adaptive clipping (Andrew et al., 2021). Where the clients clip, the server sees a scaled update; where the server
/// does, it sees the update as it is. The noise of both is added by the server after the clients' updates are averaged, so that it protects
/// from others and never from the server. An adaptive bound follows C exp(-rate (b - quantile)), b the share of clients below it.
/// </summary>
[Cites("andrew2021differentially")]
public sealed record RoundClipping : Defense
{
    /// <summary>Who clips.</summary>
    public ClippingSide Side { get; init; } = ClippingSide.Client;

    /// <summary>The norm bound, of the first round where it adapts; null bounds nothing.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double? ClippingNorm { get; init; }

    /// <summary>The quantile of the clients' norms that an adaptive bound goes to; shipped as 0.5.</summary>
    [Range(0, 1)]
    public double TargetQuantile { get; init; } = 0.5;

    /// <summary>How fast an adaptive bound moves; shipped as 0.2.</summary>
    [Range(0, 1e3)]
    public double Rate { get; init; } = 0.2;

    /// <summary>
    /// The shares of clients that were below the bound in the rounds before, the first of them first; empty for a fixed bound.
    /// </summary>
    [Range(0, 1)]
    public ValueList<double> SharesBelow { get; init; } = [];

    /// <summary>The bound of the observed round.</summary>
    public double? Bound => ClippingNorm is { } first
        ? SharesBelow.Aggregate(first, (bound, below) => bound * Math.Exp(-Rate * (below - TargetQuantile))) : null;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        return Step.Protect(update, random, round);
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Step.Known(model);
    }

    private NormBound Step => new() { Bound = Side == ClippingSide.Client ? Bound : null };
}

/// <summary>Who scales a client's update down.</summary>
public enum ClippingSide
{
    /// <summary>The client, before it sends.</summary>
    Client,

    /// <summary>The server, after it has seen the update.</summary>
    Server,
}
