// A defense of your own: one record, one line. In a console project that references Afterimage.Cli, this file is the whole program:
//
//     dotnet run -- audit --set '/client/defense={"kind": "grid", "step": 0.1}'
//
// Protect is what the client does. Known is what an attacker knows of it, who is never kept from kind and strength: here that every number
// carries rounding of a known size, which attacks, label rules and forecasts then count with.
using System;
using System.ComponentModel.DataAnnotations;
using System.Linq;
using Afterimage;
using Afterimage.Cli;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;

return AfterimageApp.Run(args, Catalog.Standard.With<Defense, Grid>());

/// <summary>Sends every number rounded to a multiple of a step, which is a share of its tensor's root mean square.</summary>
public sealed record Grid : Defense
{
    /// <summary>The step; 0 sends the update as it is.</summary>
    [Range(0, 10)]
    public double Step { get; init; } = 0.1;

    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null) => Step == 0 ? update
        : new(update.Layout, torch.cat([.. update.Layout.Entries.Select((_, i) => Rounded(update[i].flatten()))]));

    public override Channel Known(VictimModel? model = null) => Step == 0 ? Channel.None : new Steps(Step);

    private torch.Tensor Rounded(torch.Tensor numbers)
    {
        var step = Step * numbers.square().mean().sqrt().clamp(1e-30);
        return (numbers / step).round() * step;
    }

    private sealed class Steps(double step) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Rounding;

        public override string Description => "rounded to a grid";

        public override double Deviation(GradientSet sent, int tensor) =>
            step / Math.Sqrt(12) * Math.Sqrt(sent[tensor].square().mean().ToDouble());

        public override double Floor(GradientSet sent) =>
            Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(Deviation(sent, i), 2)).Sum()) / sent.Norm();
    }
}
