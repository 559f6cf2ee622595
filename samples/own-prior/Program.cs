// A prior of your own: one record, one line. In a console project that references Afterimage.Cli, this file is the whole program:
//
//     dotnet run -- audit --set '/attack/priors=[{"kind": "dark", "weight": 0.01}]'
//
// Everything that the command does, it now also does with "dark": check, explain, list, schema, sweeps over /attack/priors/0/weight.
using System;
using Afterimage;
using Afterimage.Cli;
using Afterimage.Federation;
using Afterimage.Priors;
using TorchSharp;

return AfterimageApp.Run(args, Catalog.Standard.With<Prior, Dark>());

/// <summary>Believes that most of a picture is dark: the mean of its pixels to a power, 1 by default.</summary>
public sealed record Dark : Prior
{
    public double Power { get; init; } = 1;

    public override Func<PriorInput, torch.Tensor> Bind(AttackContext context) => trial => trial.Images.clamp(1e-6, 1).pow(Power).mean();
}
