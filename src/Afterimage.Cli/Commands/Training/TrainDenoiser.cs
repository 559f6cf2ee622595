using System.CommandLine;
using System.Globalization;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Data;
using Afterimage.Networks;
using Afterimage.Numerics;
using Spectre.Console;
using TorchSharp;

namespace Afterimage.Cli.Commands;

/// <summary>Trains a denoiser, or measures denoisers.</summary>
internal static class TrainDenoiser
{
    private static readonly double[] Sigmas = [15, 25, 50];

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var usual = new DenoiserTraining();
        var file = TrainingRun.Setting("--out", "FILE", "Where the network is written.", "denoiser.safetensors");
        var resume = TrainingRun.Resume("--steps may be another number");
        var steps = TrainingRun.Setting("--steps", "N", "Steps of Adam.", usual.Steps);
        var width = TrainingRun.Setting("--width", "N", "Channels between the layers.", usual.Width);
        var depth = TrainingRun.Setting("--depth", "N", "Convolutions.", usual.Depth);
        var batch = TrainingRun.Setting("--batch", "N", "Patches in a step.", usual.Batch);
        var patch = TrainingRun.Setting("--patch", "N", "Side of a patch in pixels.", usual.Patch);
        var images = TrainingRun.Setting("--images", "N", "Procedural images to paint beforehand.", usual.Images);
        var every = TrainingRun.Setting("--every", "N", "Steps between two validations on held-out images.", usual.Every);
        var rate = TrainingRun.Setting("--rate", "R", "Highest learning rate.", usual.LearningRate);
        var sigma = TrainingRun.Setting("--sigma", "S", "Largest noise, for pixels from 0 to 255.", usual.LargestSigma);
        var seed = TrainingRun.Setting("--seed", "N", "Of images, noise and initialization.", usual.Seed);
        var threads = TrainingRun.Setting("--threads", "N", "Threads of libtorch; other counts give other last digits.", 1);
        var weights = new Option<string[]>("--evaluate")
        {
            HelpName = "FILE",
            Description = "Train nothing: measure the denoisers of these files, and the one that comes with Afterimage.",
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.ZeroOrMore,
        };
        var data = new Option<string[]>("--data")
        {
            HelpName = "NAME",
            Description = "Data sets to measure on, as for an audit.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ["dead-leaves"],
        };
        var count = TrainingRun.Setting("--count", "N", "Images of each data set, evenly spaced.", 100);
        var command = new Command("denoiser", "Train a denoiser on procedural images alone, or measure denoisers.");
        Option[] options =
            [file, resume, steps, width, depth, batch, patch, images, every, rate, sigma, seed, threads, weights, data, count];
        foreach (var option in options)
            command.Add(option);
        command.SetAction(line =>
        {
            torch.set_num_threads(CommandLine.AtLeastOne("--threads", line.GetValue(threads)));
            if (line.GetResult(weights) is not null)
                return Evaluate(files, line.GetValue(weights)!, line.GetRequiredValue(data), line.GetValue(count), terminal);
            var training = new DenoiserTraining
            {
                Width = line.GetValue(width),
                Depth = line.GetValue(depth),
                Steps = line.GetValue(steps),
                Batch = line.GetValue(batch),
                Patch = line.GetValue(patch),
                Images = line.GetValue(images),
                Every = line.GetValue(every),
                LearningRate = line.GetValue(rate),
                LargestSigma = line.GetValue(sigma),
                Seed = line.GetValue(seed),
            };
            Settings.Check(training);
            return new TrainingRun(line, file, resume, terminal).Train("Painting images", stop => new DenoiserTask(training, stop));
        });
        return command;
    }

    private static int Evaluate(ExperimentFile files, string[] weights, string[] data, int count, Terminal terminal)
    {
        if (count < 1)
            throw new AfterimageException($"--count needs a number of at least 1, not {count}.");
        using var scope = Tidy.Scope();
        (string Name, Networks.Denoiser Network)[] denoisers = [("shipped", Networks.Denoiser.Shipped()),
            .. weights.Select(path => (Path.GetFileNameWithoutExtension(path), Networks.Denoiser.Load(path)))];
        var table = new Table().AddColumns(["images", "sigma", "noisy", .. denoisers.Select(pair => Markup.Escape(pair.Name))]);
        foreach (var name in data)
        {
            var source = files.Catalog.Read<DataSource>(PartName.Data(files.Catalog, name).ToJsonString(), "--data");
            var isPath = source is Cifar10 { File: not null } or ImageFolder;
            var shown = Markup.Escape(isPath ? Path.GetFileName(Path.TrimEndingDirectorySeparator(name)) : name);
            var clean = Images(source.Open(), count);
            foreach (var sigma in Sigmas)
                table.AddRow([shown, Text(sigma, 0), Text(DenoisingQuality.NoisyPsnr(clean, sigma), 2),
                    .. denoisers.Select(pair => Text(DenoisingQuality.Psnr(pair.Network, clean, sigma), 2))]);
        }
        terminal.Raw.WriteLine("PSNR in dB");
        terminal.Output.Write(table);
        return ExitCode.Fine;
    }

    private static string Text(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);

    private static torch.Tensor Images(ImageSet set, int count)
    {
        var used = Math.Min(count, set.Count);
        var (channels, height, width) = set.Shape;
        return torch.stack([.. Enumerable.Range(0, used)
            .Select(i => torch.tensor(set[(int)((long)i * set.Count / used)].Pixels, channels, height, width))]);
    }
}
