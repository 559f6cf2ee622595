using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Trains the networks that attacks use, and measures them.</summary>
internal static class TrainCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal) =>
        new("train", "Train the networks that attacks use as knowledge of images and of updates.")
        {
            TrainDenoiser.Create(files, terminal), TrainGenerator.Create(files, terminal), TrainInverter.Create(files, terminal),
        };
}
