using MathNet.Numerics;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Counts of a trained model's batch, whose update is made by the few images that are hard for it. What the images of a class lose to
/// others, and what it gains, are sums of rare errors: gamma variables with shapes in proportion to the number of images that could make
/// them, one rate and one size for all classes, both unknown. The signal says what a class gained less what it lost, the flows of errors
/// what it lost, roughly. The posterior is wide, and says so.
/// </summary>
internal sealed class HardImages : CountModel
{
    /// <summary>Shape where no image could make an error, and how far flows are to be believed: factor and share of the whole.</summary>
    private const double Least = 0.02, Deviation = 0.35, Background = 0.05;

    /// <summary>Images lose no more than all, and a trained model errs rarely.</summary>
    private const double LargestSize = 1, LargestRate = 0.3;

    private const int Bins = 24;
    private const double FirstBin = 1e-6, LastBin = 10;

    private readonly double[] gain;
    private readonly double[]? lost;
    private readonly double background;

    /// <summary>What a class may have both lost and gained, invisible in the signal; the first stands for all that is less.</summary>
    private readonly double[] both;

    /// <summary>[C,B+1]: entries of the present rate and size, NaN until they are needed.</summary>
    private readonly double[] entries;

    private double rate = 0.05;
    private double size = 0.3;

    /// <param name="flows">Of <see cref="ErrorFlows"/>.</param>
    public HardImages(HeadEvidence head, double[] signal, bool[] certain, double[]? flows) : base(head.Classes, head.Batch, certain)
    {
        gain = [.. signal.Select(entry => Batch * entry)];
        var scale = Math.Max(gain.Max(Math.Abs), 1e-30);
        (lost, background) = (flows, Background * Math.Max(flows?.Sum() ?? 0, scale));
        both = [.. Enumerable.Range(0, Bins).Select(i => scale * FirstBin * Math.Pow(LastBin / FirstBin, i / (Bins - 1.0)))];
        entries = new double[Classes * (Batch + 1)];
        Array.Fill(entries, double.NaN);
        Counts = Whole([.. gain.Select(entry => Math.Max(0, -entry))], certain, Batch);
    }

    public override int Steps => 4 * base.Steps;

    public override double Score() => Enumerable.Range(0, Classes).Sum(c => Entry(c, Counts[c])) + PriorScore();

    public override double Difference(int from, int to, int images) => PriorDifference(from, to, images)
        + Entry(from, Counts[from] - images) + Entry(to, Counts[to] + images) - Entry(from, Counts[from]) - Entry(to, Counts[to]);

    public override void Move(int from, int to, int images) => (Counts[from], Counts[to]) = (Counts[from] - images, Counts[to] + images);

    public override void Vary(Random random)
    {
        base.Vary(random);
        var (often, much) = (rate * Math.Exp(random.NextDouble() - 0.5), size * Math.Exp(random.NextDouble() - 0.5));
        if (often > LargestRate || much > LargestSize)
            return;
        var before = Enumerable.Range(0, Classes).Sum(c => Entry(c, Counts[c]));
        if (Math.Log(random.NextDouble()) >= before - Enumerable.Range(0, Classes).Sum(c => Entry(c, Counts[c], often, much)))
            return;
        (rate, size) = (often, much);
        Array.Fill(entries, double.NaN);
    }

    private double Entry(int c, int count)
    {
        ref var entry = ref entries[c * (Batch + 1) + count];
        return double.IsNaN(entry) ? entry = Entry(c, count, rate, size) : entry;
    }

    /// <summary>-log of the density of signal and flows at class c, over all that it may have both lost and gained.</summary>
    private double Entry(int c, int count, double often, double much)
    {
        var (losing, gaining) = (often * count + Least, often * (Batch - count) / Math.Max(1, Classes - 1.0) + Least);
        var (shown, less, more) = gain[c] > 0 ? (gain[c], losing, gaining) : (-gain[c], gaining, losing);
        var width = Math.Log(both[1] / both[0]);
        var (sum, most) = (0.0, double.NegativeInfinity);
        Span<double> logs = stackalloc double[Bins];
        for (var i = 0; i < Bins; i++)
        {
            var hidden = i == 0 ? less * Math.Log(both[0] / much) - SpecialFunctions.GammaLn(less + 1)
                : less * Math.Log(both[i] / much) - both[i] / much - SpecialFunctions.GammaLn(less) + Math.Log(width);
            var seen = (more - 1) * Math.Log(shown + both[i]) - (shown + both[i]) / much
                - SpecialFunctions.GammaLn(more) - more * Math.Log(much);
            var losses = (gain[c] > 0 ? 0 : shown) + both[i];
            var doubt = lost is null ? 0 : Math.Log((losses + background) / (lost[c] + background)) / Deviation;
            logs[i] = hidden + seen - doubt * doubt / 2;
            most = Math.Max(most, logs[i]);
        }
        foreach (var log in logs)
            sum += Math.Exp(log - most);
        return -most - Math.Log(sum);
    }
}
