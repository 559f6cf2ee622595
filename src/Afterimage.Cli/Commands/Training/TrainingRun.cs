using System.CommandLine;
using System.Globalization;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Networks;
using Afterimage.Numerics;

namespace Afterimage.Cli.Commands;

/// <summary>One training on the console: its file and state, progress lines, and the way to go on after an interruption.</summary>
internal sealed class TrainingRun
{
    private readonly Terminal terminal;
    private readonly string again;
    private readonly bool resume;

    /// <exception cref="AfterimageException">The file has another ending, exists already, or there is nothing to resume.</exception>
    public TrainingRun(ParseResult line, Option<string> file, Option<bool> resume, Terminal terminal)
    {
        (File, this.resume, this.terminal) = (line.GetRequiredValue(file), line.GetValue(resume), terminal);
        again = CommandLine.Of(line.Tokens.Select(token => token.Value)) + (this.resume ? "" : " --resume");
        if (Path.GetExtension(File) != ".safetensors")
            throw new AfterimageException($"--out {File} should end in .safetensors.");
        OutputPath.CheckFile("--out", File);
        if (this.resume && !System.IO.File.Exists(State))
            throw new AfterimageException(
                $"There is no interrupted training to resume: {State} does not exist. Leave out --resume to begin one.");
        if (!this.resume && (System.IO.File.Exists(State) ? State : System.IO.File.Exists(File) ? File : null) is { } there)
            throw new AfterimageException($"{there} exists already: choose another --out, " +
                $"or {(there == State ? "add --resume to go on with it" : "remove it")}.");
    }

    /// <summary>Where the network is written.</summary>
    public string File { get; }

    private string State => Path.ChangeExtension(File, ".state.safetensors");

    public static Option<T> Setting<T>(string name, string value, string description, T usual) =>
        new(name) { HelpName = value, Description = description, DefaultValueFactory = _ => usual };

    public static Option<bool> Resume(string freedom) =>
        new("--resume") { Description = $"Go on with an interrupted training of the same settings; {freedom}." };

    /// <summary>Trains to the end or to an interruption.</summary>
    /// <param name="preparing">What is said while the task is opened.</param>
    /// <param name="open">Opens the task.</param>
    /// <param name="watch">Called after each validation.</param>
    /// <param name="end">Called with the trainer where the training came to its end.</param>
    public int Train<T>(string preparing, Func<CancellationToken, T> open, Action<T>? watch = null, Action<T, Trainer>? end = null)
        where T : TrainingTask
    {
        using var interruption = new Interruption();
        terminal.Raw.WriteLine(preparing);
        var task = open(interruption.Token);
        using var trainer = new Trainer(task);
        if (resume)
            trainer.Restore(State);
        terminal.Raw.WriteLine($"Training {task.Subject}, from step {Figures.Count(trainer.Step)} " +
            (task.Steps < int.MaxValue ? $"to {Figures.Count(task.Steps)}"
                : $"for {task.Minutes.ToString("0.#", CultureInfo.InvariantCulture)} minutes in all"));
        trainer.Run(State, at =>
        {
            terminal.Raw.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  step {Figures.Count(at.Step)}: loss {at.Loss:G4}, " +
                $"{task.Measure} {task.Figure(at.Quality)} (best {task.Figure(at.Best)}), {Figures.Duration(at.SecondsLeft)} to go"));
            watch?.Invoke(task);
        }, interruption.Token);
        trainer.SaveBest(File);
        terminal.Raw.WriteLine(File);
        if (trainer.Finished)
        {
            end?.Invoke(task, trainer);
            System.IO.File.Delete(State);
            return ExitCode.Fine;
        }
        terminal.Raw.WriteLine("Stopped; the best network so far is kept. To go on:");
        terminal.Raw.WriteLine($"  {again}");
        return ExitCode.Canceled;
    }
}
