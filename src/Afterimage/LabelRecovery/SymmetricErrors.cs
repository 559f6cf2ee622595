namespace Afterimage.LabelRecovery;

/// <summary>
/// Counts without any knowledge of the model's errors: an image loses a share e of its probability on average, to every other
/// class alike, and mostly to one class at a time. The share is unknown too. This is how a trained network is read: few hard images
/// make up the whole update, and what remains of the counts is widely open, which the posterior then says.
/// </summary>
internal sealed class SymmetricErrors : CountModel
{
    /// <summary>Second moment of an image's error over its mean: hard images are either wrong or right.</summary>
    private const double Spread = 0.5;

    private readonly double[] signal;
    private readonly double noise;
    private double share;

    public SymmetricErrors(HeadEvidence head, double[] signal, bool[] certain) : base(head.Classes, head.Batch, certain)
    {
        (this.signal, noise) = (signal, Math.Pow(head.Batch * head.Noise, 2) + 1e-14);
        var lost = signal.Where(entry => entry < 0).Sum(entry => -entry);
        share = Math.Clamp(lost, 1e-9, 0.95);
        Counts = Whole([.. signal.Select(entry => Math.Max(0, -entry))], certain, Batch);
    }

    public override double Score() => Enumerable.Range(0, Classes).Sum(c => Entry(c, Counts[c], share)) * Free + PriorScore();

    public override double Difference(int from, int to, int images) => PriorDifference(from, to, images)
        + Free * (Entry(from, Counts[from] - images, share) + Entry(to, Counts[to] + images, share)
            - Entry(from, Counts[from], share) - Entry(to, Counts[to], share));

    public override void Move(int from, int to, int images) => (Counts[from], Counts[to]) = (Counts[from] - images, Counts[to] + images);

    public override void Vary(Random random)
    {
        var other = share * Math.Exp(0.4 * (2 * random.NextDouble() - 1));
        if (other >= 1)
            return;
        var difference = Free * Enumerable.Range(0, Classes).Sum(c => Entry(c, Counts[c], other) - Entry(c, Counts[c], share));
        if (Math.Log(random.NextDouble()) < -difference)
            share = other;
    }

    /// <summary>Entries sum to zero, so one of them says nothing new.</summary>
    private double Free => (Classes - 1.0) / Classes;

    private double Entry(int c, int count, double error)
    {
        var others = (Batch - count) / Math.Max(1, Classes - 1.0);
        var variance = Spread * error * (count + others) + noise;
        var residual = Batch * signal[c] - error * (others - count);
        return (residual * residual / variance + Math.Log(variance)) / 2;
    }
}
