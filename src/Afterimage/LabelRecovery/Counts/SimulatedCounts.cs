using MathNet.Numerics.LinearAlgebra.Double;

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

    /// <summary>Share of what local steps do to predictions that neither the simulation nor the path of the weights knows.</summary>
    private const double Drift = 0.05;

    private double[] curvature = [];
    private double[] slope = [];
    private double constant;

    /// <param name="path">
    /// Mean predictions while the weights move, for local steps, in which the simulation holds the layers below the head fixed.
    /// </param>
    public SimulatedCounts(HeadEvidence head, HeadImages images, double[] signal, bool[] certain, double[]? path, RandomSource random)
        : base(head.Classes, head.Batch, certain)
    {
        Counts = Whole([.. signal.Select((entry, c) => head.Batch * (images.MeanProbability[c] - entry))], certain, head.Batch);
        var rounds = new HeadRounds(head, images, random);
        for (var round = 0; round < Rounds; round++)
        {
            Moments = rounds.Expect(Counts);
            Linearize(head, images, signal, Moments, path);
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
    private void Linearize(HeadEvidence head, HeadImages images, double[] signal, HeadMoments moments, double[]? path)
    {
        var (classes, free) = (Classes, Classes - 1);
        var (covariance, shift, floor) = (new double[free * free], new double[free], ModelError + Math.Pow(Batch * head.Noise, 2));
        for (var a = 0; a < free; a++)
        {
            for (var b = 0; b < free; b++)
                covariance[a * free + b] = moments.Covariance[a * classes + b] + (a == b ? floor : 0);
            if (path is null)
                continue;
            // Two accounts of the same steps: their mean is believed, and half their difference is an error of unknown sign.
            var (simulated, moved) = (Batch * moments.Signal[a] + Counts[a], Batch * path[a]);
            shift[a] = (moved - simulated) / 2;
            covariance[a * free + a] += Math.Pow(shift[a], 2) + Math.Pow(Drift * (moved - Batch * images.MeanProbability[a]), 2);
        }
        var factors = new DenseMatrix(free, free, covariance).LU();
        var precision = factors.Inverse();
        var residual = DenseVector.Create(free, c => Batch * (moments.Signal[c] - signal[c]) + shift[c]);
        var change = new DenseMatrix(classes, classes, moments.Change).SubMatrix(0, free, 0, classes);
        var weighted = precision * residual;
        constant = (residual * weighted + factors.U.Diagonal().Sum(pivot => Math.Log(Math.Abs(pivot)))) / 2;
        slope = change.TransposeThisAndMultiply(weighted).ToArray();
        curvature = change.TransposeThisAndMultiply(precision * change).ToColumnMajorArray();
    }
}
