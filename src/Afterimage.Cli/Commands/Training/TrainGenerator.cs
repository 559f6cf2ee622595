using System.CommandLine;
using System.Globalization;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Reports;
using TorchSharp;

namespace Afterimage.Cli.Commands;

/// <summary>Trains a generator or a diffusion model on public images.</summary>
internal static class TrainGenerator
{
    private const int Columns = 8, Rows = 6;

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var usual = new GeneratorTraining();
        var data = TrainingRun.Setting("--data", "NAME", "A data set, a folder of images or a CIFAR-10 file, as for an audit; training " +
            "images where there are some.", "dead-leaves");
        var kind = TrainingRun.Setting("--kind", "KIND", "style (a generator, adversarially), vae or diffusion.", usual.Kind);
        var file = TrainingRun.Setting("--out", "FILE", "Where the network is written.", "generator.safetensors");
        var resume = TrainingRun.Resume("--minutes and --steps may be others");
        var minutes = new Option<double?>("--minutes") { HelpName = "N", Description = "How long it trains; 15 without --steps." };
        var steps = new Option<int?>("--steps") { HelpName = "N", Description = "Steps of Adam, for a training that can be repeated." };
        var channels = TrainingRun.Setting("--channels", "N", "1 or 3 channels of an image; gray images are repeated.", usual.Channels);
        var side = TrainingRun.Setting("--side", "N", "8, 16, 32 or 64 pixels; images are cropped and resized.", usual.Side);
        var width = TrainingRun.Setting("--width", "N", "Channels of the feature maps.", usual.Width);
        var latent = TrainingRun.Setting("--latent", "N", "Numbers of a latent.", usual.Latent);
        var batch = TrainingRun.Setting("--batch", "N", "Images in a step.", usual.Batch);
        var every = TrainingRun.Setting("--every", "N", "Steps between two validations; at most one pass through the images.", usual.Every);
        var rate = new Option<double?>("--rate") { HelpName = "R", Description = "Learning rate; 0.0005 for style, 0.001 for the others." };
        var penalty = TrainingRun.Setting("--penalty", "W", "Weight of R1 and R2, for style.", usual.Penalty);
        var averaging = TrainingRun.Setting("--averaging", "A", "How much of the running average of the weights a step keeps.",
            usual.Averaging);
        var precision = TrainingRun.Setting("--precision", "TYPE", "float32, or bfloat16 where the processor has instructions for it.",
            usual.Precision);
        var seed = TrainingRun.Setting("--seed", "N", "Of weights, latents, noise and order.", usual.Seed);
        var threads = TrainingRun.Setting("--threads", "N", "Threads of libtorch; other counts give other last digits.", 1);
        var command = new Command("generator", "Train a generator, an autoencoder or a diffusion model on public images.");
        Option[] options = [data, kind, file, resume, minutes, steps, channels, side, width, latent, batch, every, rate, penalty,
            averaging, precision, seed, threads];
        foreach (var option in options)
            command.Add(option);
        command.SetAction(line =>
        {
            torch.set_num_threads(CommandLine.AtLeastOne("--threads", line.GetValue(threads)));
            var training = new GeneratorTraining
            {
                Kind = line.GetValue(kind),
                Minutes = line.GetValue(minutes) ?? (line.GetValue(steps) is null ? 15 : null),
                Steps = line.GetValue(steps),
                Channels = line.GetValue(channels),
                Side = line.GetValue(side),
                Width = line.GetValue(width),
                Latent = line.GetValue(latent),
                Batch = line.GetValue(batch),
                Every = line.GetValue(every),
                LearningRate = line.GetValue(rate),
                Penalty = line.GetValue(penalty),
                Averaging = line.GetValue(averaging),
                Precision = line.GetValue(precision),
                Seed = line.GetValue(seed),
            };
            Settings.Check(training);
            var run = new TrainingRun(line, file, resume, terminal);
            var set = TrainingData.Of(files, line.GetRequiredValue(data), training.Channels, training.Side).Open();
            var picture = Path.ChangeExtension(run.File, ".png");
            return run.Train($"Reading {Figures.Count(set.Count)} images of {set.Name}",
                stop => GeneratorTasks.Open(training, set, stop),
                task => SamplePicture.Write(picture, task.Samples(Columns * Rows), training.Channels, training.Side, Columns),
                (task, trainer) =>
                {
                    SamplePicture.Write(picture, task.Samples(trainer, Columns * Rows), training.Channels, training.Side, Columns);
                    terminal.Raw.WriteLine(picture);
                    var count = task.ReferenceCount;
                    terminal.Raw.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{GeneratorTask.DistanceName} of " +
                        $"{Figures.Count(count)} images: {task.Distance(trainer, count):F2} " +
                        $"(other images of the data {task.Floor(count):F2}, gray {task.Gray(count):F1})"));
                });
        });
        return command;
    }
}
