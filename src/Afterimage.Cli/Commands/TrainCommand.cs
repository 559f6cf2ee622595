using System.CommandLine;
using System.Globalization;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Data;
using Afterimage.Networks;
using Afterimage.Numerics;
using Spectre.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Trains what an attacker trains beforehand, and measures it.</summary>
internal static class TrainCommand
{
    private static readonly double[] Sigmas = [15, 25, 50];

    public static Command Create(ExperimentFile files, Terminal terminal) =>
        new("train", "Train the networks that attacks use as knowledge of images.") { Denoiser(files, terminal) };

    private static Command Denoiser(ExperimentFile files, Terminal terminal)
    {
        var usual = new DenoiserTraining();
        var file = new Option<string>("--out") { HelpName = "FILE", Description = "Where the network is written.", DefaultValueFactory = _ => "denoiser.safetensors" };
        var resume = new Option<bool>("--resume") { Description = "Go on with an interrupted training of the same settings; --steps may be another number." };
        var steps = Number("--steps", "Steps of Adam.", usual.Steps);
        var width = Number("--width", "Channels between the layers.", usual.Width);
        var depth = Number("--depth", "Convolutions.", usual.Depth);
        var batch = Number("--batch", "Patches in a step.", usual.Batch);
        var patch = Number("--patch", "Pixels of a patch's side.", usual.Patch);
        var images = Number("--images", "Procedural images to paint beforehand.", usual.Images);
        var every = Number("--every", "Steps between two looks at held-out images.", usual.Every);
        var rate = new Option<double>("--rate") { HelpName = "R", Description = "Highest learning rate.", DefaultValueFactory = _ => usual.LearningRate };
        var sigma = new Option<double>("--sigma") { HelpName = "S", Description = "Largest noise, for pixels from 0 to 255.", DefaultValueFactory = _ => usual.LargestSigma };
        var seed = new Option<ulong>("--seed") { HelpName = "N", Description = "Of images, noise and initialization.", DefaultValueFactory = _ => usual.Seed };
        var threads = new Option<int>("--threads") { HelpName = "N", Description = "Threads of libtorch; other counts give other last digits.", DefaultValueFactory = _ => 1 };
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
        var count = Number("--count", "Images of each data set, evenly spaced.", 100);
        var command = new Command("denoiser", "Train a denoiser on procedural images alone, or measure denoisers.");
        foreach (var option in (Option[])[file, resume, steps, width, depth, batch, patch, images, every, rate, sigma, seed, threads, weights, data, count])
            command.Add(option);
        command.SetAction(line =>
        {
            TorchSharp.torch.set_num_threads(line.GetValue(threads) is >= 1 and var used ? used : throw new AfterimageException("--threads needs a number of at least 1."));
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
            return Train(training, line.GetRequiredValue(file), line.GetValue(resume), CommandLine.Of(line.Tokens.Select(token => token.Value)), terminal);
        });
        return command;
    }

    private static Option<int> Number(string name, string description, int usual) => new(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => usual };

    private static int Train(DenoiserTraining training, string file, bool resume, string commandLine, Terminal terminal)
    {
        training.Check();
        if (Path.GetExtension(file) != ".safetensors")
            throw new AfterimageException($"--out {file} should end in .safetensors.");
        var state = Path.ChangeExtension(file, ".state.safetensors");
        if (resume && !File.Exists(state))
            throw new AfterimageException($"There is no interrupted training to resume: {state} does not exist. Leave out --resume to begin one.");
        if (!resume && (File.Exists(state) ? state : File.Exists(file) ? file : null) is { } there)
            throw new AfterimageException($"{there} exists already: choose another --out, or {(there == state ? "add --resume to go on with it" : "remove it")}.");
        using var interruption = new Interruption();
        terminal.Raw.WriteLine("Painting images");
        using var trainer = new DenoiserTrainer(training, interruption.Token);
        if (resume)
            trainer.Restore(state);
        terminal.Raw.WriteLine($"Training a network of {Figures.Count(trainer.Network.Numbers)} numbers from step {Figures.Count(trainer.Step)} to {Figures.Count(training.Steps)}");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var from = trainer.Step;
        trainer.Run(state, look => terminal.Raw.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  step {Figures.Count(look.Step)}: loss {look.Loss:G4}, held-out images {look.Quality:F2} dB (best {look.Best:F2} dB), " +
            $"{Figures.Duration(clock.Elapsed.TotalSeconds * (training.Steps - look.Step) / (look.Step - from))} to go")), interruption.Token);
        trainer.SaveBest(file);
        terminal.Raw.WriteLine(file);
        if (trainer.Finished)
        {
            File.Delete(state);
            return ExitCode.Fine;
        }
        terminal.Raw.WriteLine("Stopped; the best network so far is kept. To go on:");
        terminal.Raw.WriteLine($"  {commandLine} --resume");
        return ExitCode.Canceled;
    }

    private static int Evaluate(ExperimentFile files, string[] weights, string[] data, int count, Terminal terminal)
    {
        if (count < 1)
            throw new AfterimageException($"--count needs a number of at least 1, not {count}.");
        using var scope = Tidy.Scope();
        (string Name, Afterimage.Networks.Denoiser Network)[] denoisers = [("shipped", Afterimage.Networks.Denoiser.Shipped()),
            .. weights.Select(path => (Path.GetFileName(path), Afterimage.Networks.Denoiser.Load(path)))];
        var table = new Table().AddColumns(["images", "sigma", "noisy", .. denoisers.Select(pair => Markup.Escape(Path.GetFileNameWithoutExtension(pair.Name)))]);
        foreach (var name in data)
        {
            var source = files.Catalog.Read<DataSource>(PartName.Data(files.Catalog, name).ToJsonString(), "--data");
            var clean = Images(source.Open(), count);
            foreach (var sigma in Sigmas)
                table.AddRow([Markup.Escape(source is Cifar10 { File: not null } or ImageFolder ? Path.GetFileName(Path.TrimEndingDirectorySeparator(name)) : name), Text(sigma, 0), Text(DenoisingQuality.NoisyPsnr(clean, sigma), 2),
                    .. denoisers.Select(pair => Text(DenoisingQuality.Psnr(pair.Network, clean, sigma), 2))]);
        }
        terminal.Raw.WriteLine("PSNR in dB");
        terminal.Output.Write(table);
        return ExitCode.Fine;
    }

    private static string Text(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);

    private static TorchSharp.torch.Tensor Images(ImageSet set, int count)
    {
        var used = Math.Min(count, set.Count);
        return TorchSharp.torch.stack([.. Enumerable.Range(0, used).Select(i =>
            TorchSharp.torch.tensor(set[(int)((long)i * set.Count / used)].Pixels, set.Shape.Channels, set.Shape.Height, set.Shape.Width))]);
    }
}
