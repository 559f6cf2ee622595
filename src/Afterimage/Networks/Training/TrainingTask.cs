namespace Afterimage.Networks;

/// <summary>Something that a <see cref="Trainer"/> trains: one step, one validation, and the tensors that it takes to go on.</summary>
public abstract class TrainingTask : IDisposable
{
    /// <summary>How many steps there are to take; the largest number where only the time is limited.</summary>
    public virtual int Steps => int.MaxValue;

    /// <summary>How many minutes there are, those before an interruption included; infinite where only the steps are limited.</summary>
    public virtual double Minutes => double.PositiveInfinity;

    /// <summary>Steps between two validations, each of which saves the state.</summary>
    public abstract int Every { get; }

    /// <summary>All settings that the numbers depend on, except how long the training takes.</summary>
    public abstract ValueList<double> Settings { get; }

    /// <summary>The network in words, such as "a style generator of 612,345 numbers".</summary>
    public abstract string Subject { get; }

    /// <summary>The stream of all random numbers; each step has its own below it.</summary>
    internal abstract RandomSource Random { get; }

    /// <summary>Every tensor that a step changes, in place, under its name in a state file.</summary>
    internal abstract IReadOnlyList<(string Name, Tensor Value)> State { get; }

    /// <summary>The parameters that the training is for; the best ones so far are kept.</summary>
    internal abstract Tensor Result { get; }

    /// <summary>Takes a step and returns the loss before it.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="stream">The random numbers of this step.</param>
    internal abstract double Advance(int step, RandomSource stream);

    /// <summary>How good the result is; more is better.</summary>
    internal abstract double Validate();

    /// <summary>What a quality is, such as "held-out images".</summary>
    public abstract string Measure { get; }

    /// <summary>A quality as a figure with its unit, such as "28.31 dB".</summary>
    public abstract string Figure(double quality);

    /// <summary>Writes the network with these parameters.</summary>
    internal abstract void Save(Tensor result, string path);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the task owns.</summary>
    protected abstract void Dispose(bool disposing);
}
