namespace Afterimage.LabelRecovery;

/// <summary>
/// Counts by simulation: for trial counts the head's rounds are run on dummy images, the classes' features are moved until the weight
/// gradient is explained, and the counts until the signal is. Around the last trial the signal is linear in the counts and normal
/// with the covariance of the simulation.
/// </summary>
internal sealed class SimulatedCounts : CountModel
{
    private const int Rounds = 6;
    private const double Ridge = 1e-2;

    /// <summary>Variance of a count, in images squared, that the simulation cannot know of.</summary>
    private const double ModelError = 0.02;

    private double[] curvature = [];
    private double[] slope = [];
    private double constant;

    public SimulatedCounts(HeadEvidence head, HeadImages images, double[] signal, bool[] certain, RandomSource random)
        : base(head.Classes, head.Batch, certain)
    {
        Counts = Whole([.. signal.Select((entry, c) => head.Batch * (images.MeanProbability[c] - entry))], certain, head.Batch);
        var rounds = new HeadRounds(head, images, random);
        for (var round = 0; round < Rounds; round++)
        {
            Moments = rounds.Expect(Counts);
            Linearize(head, signal, Moments);
            Descend();
            if (round < Rounds - 1)
                images.Fit(Moments, Ridge);
        }
    }

    /// <summary>Of the last trial.</summary>
    public HeadMoments Moments { get; private set; } = null!;

    public override double Score() => constant + PriorScore();

    public override double Difference(int from, int to, int images) => images * (slope[to] - slope[from])
        + 0.5 * images * images * (curvature[from * Classes + from] + curvature[to * Classes + to] - 2 * curvature[from * Classes + to])
        + PriorDifference(from, to, images);

    public override void Move(int from, int to, int images)
    {
        constant += Difference(from, to, images) - PriorDifference(from, to, images);
        for (var c = 0; c < Classes; c++)
            slope[c] += images * (curvature[to * Classes + c] - curvature[from * Classes + c]);
        (Counts[from], Counts[to]) = (Counts[from] - images, Counts[to] + images);
    }

    /// <summary>The score around the present counts; the last entry of the signal follows from the others.</summary>
    private void Linearize(HeadEvidence head, double[] signal, HeadMoments moments)
    {
        var (classes, free) = (Classes, Classes - 1);
        var (covariance, floor) = (new double[free * free], ModelError + Math.Pow(Batch * head.Noise, 2));
        for (var a = 0; a < free; a++)
            for (var b = 0; b < free; b++)
                covariance[a * free + b] = moments.Covariance[a * classes + b] + (a == b ? floor : 0);
        var precision = Dense.Inverse(covariance, free);
        var residual = Enumerable.Range(0, free).Select(c => Batch * (moments.Signal[c] - signal[c])).ToArray();
        double[] Weighted(ReadOnlySpan<double> vector)
        {
            var result = new double[free];
            for (var a = 0; a < free; a++)
                result[a] = HeadEvidence.Dot(precision.AsSpan(a * free, free), vector);
            return result;
        }
        var weighted = Weighted(residual);
        constant = (HeadEvidence.Dot(residual, weighted) + (Dense.LogDeterminant(covariance, free) ?? 0)) / 2;
        (curvature, slope) = (new double[classes * classes], new double[classes]);
        for (var j = 0; j < classes; j++)
        {
            var change = moments.Change.AsSpan(j * classes, free);
            slope[j] = HeadEvidence.Dot(change, weighted);
            var product = Weighted(change);
            for (var k = 0; k < classes; k++)
                curvature[j * classes + k] = HeadEvidence.Dot(moments.Change.AsSpan(k * classes, free), product);
        }
    }
}
