using System.Diagnostics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>
/// The training loop of every network: steps until their number or the time is reached, validations at intervals, the best parameters kept,
/// and a state from which an interrupted training goes on to the same numbers.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainingTask task;
    private readonly Tensor best;
    private double seconds;

    /// <summary>Begins at the task's initial parameters.</summary>
    /// <param name="task">What is trained; the trainer disposes it.</param>
    public Trainer(TrainingTask task)
    {
        this.task = task;
        best = task.Result.clone().DetachFromDisposeScope();
    }

    /// <summary>How many steps have been taken.</summary>
    public int Step { get; private set; }

    /// <summary>The quality of the best parameters at a validation.</summary>
    public double Best { get; private set; } = double.NegativeInfinity;

    internal Tensor BestResult => best;

    /// <summary>Whether all steps have been taken, or the time is over.</summary>
    public bool Finished => Step >= task.Steps || seconds >= task.Minutes * 60;

    /// <summary>
    /// Trains to the end. At each validation, and when canceled, the state is saved so that an interrupted training can resume.
    /// </summary>
    /// <param name="state">The file of the state, ending in .safetensors.</param>
    /// <param name="watch">Called after each validation.</param>
    /// <param name="cancellation">Stops after the current step.</param>
    public void Run(string state, Action<TrainingProgress>? watch = null, CancellationToken cancellation = default)
    {
        var (loss, steps) = (0.0, 0);
        var (before, from, clock) = (seconds, Step, Stopwatch.StartNew());
        while (!Finished && !cancellation.IsCancellationRequested)
        {
            loss += Advance();
            steps++;
            seconds = before + clock.Elapsed.TotalSeconds;
            if (Step % task.Every != 0 && !Finished)
                continue;
            var quality = Validate();
            Save(state);
            watch?.Invoke(new(Step, loss / steps, quality, Best,
                Math.Max(0, Math.Min(task.Minutes * 60 - seconds, clock.Elapsed.TotalSeconds * (task.Steps - Step) / (Step - from)))));
            (loss, steps) = (0, 0);
        }
        if (cancellation.IsCancellationRequested)
            Save(state);
    }

    /// <summary>Takes one step and returns the loss before it.</summary>
    /// <exception cref="AfterimageException">The loss is not finite.</exception>
    public double Advance()
    {
        using var scope = Tidy.Scope();
        var loss = task.Advance(Step, task.Random.Derive("step", Step));
        if (!double.IsFinite(loss))
            throw new AfterimageException($"The training diverged at step {Step}: give a smaller learning rate, or another seed.");
        Step++;
        return loss;
    }

    /// <summary>Measures the parameters, and keeps them if they are the best so far.</summary>
    public double Validate()
    {
        using var scope = Tidy.Scope();
        var quality = task.Validate();
        if (quality > Best)
        {
            Best = quality;
            best.copy_(task.Result);
        }
        return quality;
    }

    /// <summary>Writes all that it takes to go on.</summary>
    public void Save(string path)
    {
        var temporary = path + ".part.safetensors";
        double[] progress = double.IsFinite(task.Minutes) ? [Step, Best, seconds] : [Step, Best];
        ArrayFile.Write(temporary,
        [
            NamedArray.Of("settings", [task.Settings.Count], task.Settings.Span), NamedArray.Of("progress", [progress.Length], progress),
            NamedArray.Of("best", best), .. task.State.Select(part => NamedArray.Of(part.Name, part.Value)),
        ]);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>
    /// Reads a state that <see cref="Save"/> wrote; training then gives the numbers of one that never stopped. Only its length may differ.
    /// </summary>
    /// <exception cref="AfterimageException">The file is damaged, or belongs to a training with other settings.</exception>
    public void Restore(string path)
    {
        var file = ArrayFile.Read(path);
        if (!file["settings"].ToDouble().SequenceEqual(task.Settings))
            throw new AfterimageException($"{path} belongs to a training with other settings: repeat them, or choose another file.");
        using var scope = Tidy.Scope();
        (string Name, Tensor To)[] parts = [("best", best), .. task.State];
        if (parts.FirstOrDefault(part => !file[part.Name].Shape.SequenceEqual(part.To.shape)) is { Name: { } unfit })
            throw new AfterimageException($"{path}: \"{unfit}\" does not fit the network; the file is damaged.");
        if (file["progress"].ToDouble() is not [var step, var quality, .. var time])
            throw new AfterimageException($"{path}: \"progress\" has not two numbers; the file is damaged.");
        foreach (var (name, to) in parts)
            to.copy_(file[name].ToTensor(to.dtype, CPU));
        (Step, Best, seconds) = ((int)step, quality, time.FirstOrDefault());
    }

    /// <summary>Writes the best network so far.</summary>
    public void SaveBest(string path) => task.Save(best, path);

    /// <inheritdoc/>
    public void Dispose()
    {
        best.Dispose();
        task.Dispose();
    }
}

/// <summary>Progress of a training at one validation.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Loss">Mean training loss since the last validation.</param>
/// <param name="Quality">The task's measure of the network; more is better.</param>
/// <param name="Best">The best quality so far.</param>
/// <param name="SecondsLeft">How long the rest takes at the speed so far.</param>
public readonly record struct TrainingProgress(int Step, double Loss, double Quality, double Best, double SecondsLeft);
