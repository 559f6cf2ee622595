using MathNet.Numerics;

namespace Afterimage.LabelRecovery;

/// <summary>How probable counts are given the head's update, up to a constant that all models share.</summary>
internal abstract class CountModel(int classes, int batch, bool[] certain)
{
    /// <summary>Concentrations of the Dirichlet prior of class frequencies: few classes make up the batch, or all are alike.</summary>
    private const double Few = 0.2, Alike = 1000;

    /// <summary>Jeffreys' prior at first; then drawn, for nobody knows which kind of batch it is.</summary>
    private double concentration = 0.5;

    public int Classes => classes;

    public int Batch => batch;

    /// <summary>Classes of which there must be an image.</summary>
    public bool[] Certain => certain;

    /// <summary>Swaps that a chain proposes.</summary>
    public virtual int Steps => Math.Max(6000, 400 * classes);

    /// <summary>Counts where a search or a chain begins.</summary>
    public int[] Counts { get; protected set; } = new int[classes];

    /// <summary>The negative log posterior of <see cref="Counts"/>.</summary>
    public abstract double Score();

    /// <summary>What moving some images from one class to another adds to the score.</summary>
    public abstract double Difference(int from, int to, int images);

    /// <summary>Moves them.</summary>
    public abstract void Move(int from, int to, int images);

    /// <summary>Another draw of what is unknown beside the counts: here how evenly classes occur.</summary>
    public virtual void Vary(Random random)
    {
        var (before, other) = (concentration, concentration * Math.Exp(2 * random.NextDouble() - 1));
        var score = PriorScore();
        concentration = other;
        if (other is < Few or > Alike || Math.Log(random.NextDouble()) >= score - PriorScore())
            concentration = before;
    }

    public bool Allows(int from, int images) => Counts[from] - images >= (certain[from] ? 1 : 0);

    /// <summary>Always the best single swap, until none helps: the nearest local optimum.</summary>
    public void Descend()
    {
        for (var sweep = 0; sweep < 4 * batch + classes; sweep++)
        {
            var (best, from, to) = (-1e-9, -1, -1);
            for (var a = 0; a < classes; a++)
                for (var b = 0; b < classes && Allows(a, 1); b++)
                    if (a != b && Difference(a, b, 1) is var difference && difference < best)
                        (best, from, to) = (difference, a, b);
            if (from < 0)
                return;
            Move(from, to, 1);
        }
    }

    /// <summary>-log of the Dirichlet-multinomial prior, up to a constant of the batch size.</summary>
    protected double PriorScore() =>
        SpecialFunctions.GammaLn(batch + classes * concentration) - SpecialFunctions.GammaLn(classes * concentration)
        + classes * SpecialFunctions.GammaLn(concentration) - Counts.Sum(LogWeight);

    protected double PriorDifference(int from, int to, int images) =>
        LogWeight(Counts[from]) - LogWeight(Counts[from] - images) + LogWeight(Counts[to]) - LogWeight(Counts[to] + images);

    private double LogWeight(int count) => SpecialFunctions.GammaLn(count + concentration) - SpecialFunctions.GammaLn(count + 1);

    /// <summary>The certain classes once, and the rest in proportion.</summary>
    protected static int[] Whole(double[] counts, bool[] certain, int batch)
    {
        var positive = counts.Select(count => double.IsFinite(count) ? Math.Max(0, count) : 0).ToArray();
        var sum = positive.Sum();
        return Counting.Round([.. positive.Select(count => sum > 0 ? count * batch / sum : (double)batch / counts.Length)],
            Enumerable.Range(0, counts.Length).Where(c => certain[c]), batch);
    }
}
