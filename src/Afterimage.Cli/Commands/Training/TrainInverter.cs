using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Networks;
using Afterimage.Numerics;
using TorchSharp;

namespace Afterimage.Cli.Commands;

/// <summary>Trains a network from updates of one model to images.</summary>
internal static class TrainInverter
{
    private const int Columns = 8, Rows = 3;

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var usual = new InverterTraining();
        var model = TrainingRun.Setting("--model", "NAME|FILE", "The model whose updates are inverted, as for an audit.", "lenet");
        var weights = new Option<string?>("--weights")
        {
            HelpName = "FILE",
            Description = "Weights of the model (torch.save, .safetensors or .npz).",
        };
        var drawn = TrainingRun.Setting("--model-seed", "N", "The --seed of the audit, which draws weights that no file holds.", 0UL);
        var data = TrainingRun.Setting("--data", "NAME", "A data set, a folder of images or a CIFAR-10 file, as for an audit; training " +
            "images where there are some.", "dead-leaves");
        var classes = new Option<int?>("--classes") { HelpName = "N", Description = "Outputs of the model; those of the data by default." };
        var channels = TrainingRun.Setting("--channels", "N", "1 or 3 channels of the model's images.", 3);
        var side = TrainingRun.Setting("--side", "N", "Side of the model's images in pixels; images are cropped and resized.", 32);
        var defense = TrainingRun.Setting("--defense", "KIND|JSON", "What clients do to their updates: a kind, or JSON as in " +
            "client.defense of an experiment.", "none");
        var kind = TrainingRun.Setting("--kind", "KIND", "mlp (as published), convolutional, layered, or backprojection, which reads " +
            "other weights too.", usual.Kind);
        var victims = TrainingRun.Setting("--victims", "N", "Weights that the network learns, drawn as by the seeds --model-seed, " +
            "--model-seed + 1, ...; more than one for weights that it has not seen.", usual.Victims);
        var from = new Option<string?>("--from")
        {
            HelpName = "FILE",
            Description = "Go on from an inverter that was trained before, for weights that have moved or another defense.",
        };
        var batch = TrainingRun.Setting("--batch", "N", "Images of a client's batch at most, up to 8; all sizes up to it are learned.",
            usual.Batch);
        var file = TrainingRun.Setting("--out", "FILE", "Where the network is written.", "inverter.safetensors");
        var resume = TrainingRun.Resume("--minutes and --steps may be others");
        var minutes = new Option<double?>("--minutes") { HelpName = "N", Description = "How long it trains; 15 without --steps." };
        var steps = new Option<int?>("--steps") { HelpName = "N", Description = "Steps of Adam, for a training that can be repeated." };
        var size = TrainingRun.Setting("--size", "N", "Numbers that an update is hashed to, at most.", usual.Size);
        var hidden = new Option<int?>("--hidden")
        {
            HelpName = "N",
            Description = "Units of a hidden layer; 3000 for mlp, 1024 for convolutional, 256 for a token of layered.",
        };
        var width = TrainingRun.Setting("--width", "N", "Channels of the feature maps; mlp has none.", usual.Width);
        var images = TrainingRun.Setting("--images", "N", "Images in a step, over all its updates.", usual.Images);
        var every = TrainingRun.Setting("--every", "N", "Steps between two validations.", usual.Every);
        var rate = new Option<double?>("--rate") { HelpName = "R", Description = "Learning rate; 0.0003 for mlp, 0.001 for the others." };
        var averaging = TrainingRun.Setting("--averaging", "A", "How much of the running average of the weights a step keeps.",
            usual.Averaging);
        var seed = TrainingRun.Setting("--seed", "N", "Of hashing, weights, order and what clients draw.", usual.Seed);
        var threads = TrainingRun.Setting("--threads", "N", "Threads of libtorch; other counts give other last digits.", 1);
        var command = new Command("inverter", "Train a network from updates of one model to images (Learning to Invert).");
        Option[] options = [model, weights, drawn, victims, from, data, classes, channels, side, defense, kind, batch, file, resume,
            minutes, steps, size, hidden, width, images, every, rate, averaging, seed, threads];
        foreach (var option in options)
            command.Add(option);
        command.SetAction(line =>
        {
            torch.set_num_threads(CommandLine.AtLeastOne("--threads", line.GetValue(threads)));
            var training = new InverterTraining
            {
                Kind = line.GetValue(kind),
                Victims = line.GetValue(victims),
                From = line.GetValue(from),
                Defense = Defended(files, line.GetRequiredValue(defense)),
                Batch = line.GetValue(batch),
                Size = line.GetValue(size),
                Hidden = line.GetValue(hidden),
                Width = line.GetValue(width),
                Images = line.GetValue(images),
                LearningRate = line.GetValue(rate),
                Averaging = line.GetValue(averaging),
                Minutes = line.GetValue(minutes) ?? (line.GetValue(steps) is null ? 15 : null),
                Steps = line.GetValue(steps),
                Every = line.GetValue(every),
                Seed = line.GetValue(seed),
            };
            Settings.Check(training);
            Check(line, training, weights, [kind, batch, size, hidden, width]);
            var shape = Shape(line.GetValue(channels), line.GetValue(side));
            var run = new TrainingRun(line, file, resume, terminal);
            var source = Source(files, line.GetRequiredValue(model), line.GetValue(weights));
            var set = TrainingData.Of(files, line.GetRequiredValue(data), shape.Channels, shape.Width).Open();
            var outputs = line.GetValue(classes) is { } number ? CommandLine.AtLeastOne("--classes", number) : set.ClassNames.Count;
            var picture = Path.ChangeExtension(run.File, ".png");
            void Show(float[] samples) => SamplePicture.Write(picture, samples, shape.Channels, shape.Width, Columns);
            return run.Train($"Reading {Figures.Count(set.Count)} images of {set.Name}",
                stop => Open(training, seed => source.Open(shape, outputs, new RandomSource(line.GetValue(drawn) + seed).Derive("model"),
                    torch.ScalarType.Float32, torch.CPU), set, stop),
                task => Show(task.Samples(Rows, Columns)),
                (task, trainer) =>
                {
                    Show(task.Samples(trainer, Rows, Columns));
                    terminal.Raw.WriteLine(picture);
                    foreach (var (decibels, i) in task.Quality(trainer).Select((decibels, i) => (decibels, i)))
                        terminal.Raw.WriteLine(string.Create(CultureInfo.InvariantCulture,
                            $"held-out batches of {i + 1}: {decibels:F2} dB (mean image {task.MeanImage:F2})"));
                });
        });
        return command;
    }

    private static void Check(ParseResult line, InverterTraining training, Option weights, Option[] layers)
    {
        if (training.From is not null && layers.FirstOrDefault(option => line.GetResult(option) is { Implicit: false }) is { } said)
            throw new AfterimageException($"--from goes on with the network of {training.From}: leave out {said.Name}.");
        if (training.Victims > 1 && line.GetResult(weights) is { Implicit: false })
            throw new AfterimageException("--victims draws the weights that it trains on, and --weights gives them: leave out one.");
    }

    /// <summary>The task with the weights that audits with these seeds draw.</summary>
    private static InverterTask Open(InverterTraining training, Func<ulong, VictimModel> draw, Data.ImageSet set, CancellationToken stop)
    {
        var models = new List<VictimModel>();
        try
        {
            for (var i = 0; i < (training.Victims == 1 ? 1 : training.Victims + 1); i++)
            {
                stop.ThrowIfCancellationRequested();
                models.Add(draw((ulong)i));
            }
            return InverterTask.Open(training, models, set, stop);
        }
        catch
        {
            models.ForEach(model => model.Dispose());
            throw;
        }
    }

    private static ModelSource Source(ExperimentFile files, string name, string? weights)
    {
        var json = PartName.Model(files.Catalog, name);
        if (weights is not null)
            json["weights"] = weights;
        return files.Catalog.Read<ModelSource>(json.ToJsonString(), "--model");
    }

    private static Defense Defended(ExperimentFile files, string text)
    {
        if (text.TrimStart().StartsWith('{'))
            return files.Catalog.Read<Defense>(text, "--defense");
        if (files.Catalog.Find(typeof(Defense), text) is not { } kind)
            throw new AfterimageException($"There is no defense \"{text}\"; there are " +
                $"{string.Join(", ", files.Catalog.Parts(typeof(Defense)).Select(Catalog.Kind))}; or give JSON, such as " +
                "'{\"kind\":\"top-k\",\"share\":0.01}'.");
        return files.Catalog.Read<Defense>(new JsonObject { ["kind"] = Catalog.Kind(kind) }.ToJsonString(), "--defense");
    }

    private static ImageShape Shape(int channels, int side) => channels is not (1 or 3)
        ? throw new AfterimageException($"--channels needs 1 or 3, not {channels}.")
        : side is < 4 or > 256 ? throw new AfterimageException($"--side needs a number from 4 to 256, not {side}.")
        : new(channels, side, side);
}
