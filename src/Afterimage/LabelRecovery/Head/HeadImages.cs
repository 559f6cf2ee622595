using MathNet.Numerics.LinearAlgebra.Double;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Images of each class as the head may see them: dummy images drawn in proportion to the probability that the model gives the class,
/// moved by one shift for each class that is fitted to the update. For a network that knows nothing all classes look alike; for
/// one that is calibrated the draw has the right errors.
/// </summary>
internal sealed class HeadImages
{
    private readonly HeadEvidence head;
    private readonly DummyHead dummy;

    public HeadImages(HeadEvidence head, DummyHead dummy)
    {
        (this.head, this.dummy) = (head, dummy);
        Shift = new double[head.Classes * head.Features];
        ShiftLogits = new double[head.Classes * head.Classes];
        var mean = new double[head.Features];
        for (var i = 0; i < Count; i++)
            for (var f = 0; f < mean.Length; f++)
                mean[f] += dummy.Features[i * mean.Length + f] / Count;
        var square = TensorPrimitives.Dot(mean, mean);
        Along = [.. mean.Select(value => square > 0 ? value / square : 0)];
        Draw = new double[Count * head.Classes];
        for (var i = 0; i < Count; i++)
            Softmax.Of(dummy.Logits.AsSpan(i * head.Classes, head.Classes)).CopyTo(Draw.AsSpan(i * head.Classes));
        double Mean(int c) => Enumerable.Range(0, Count).Sum(i => Draw[i * head.Classes + c]) / Count;
        MeanProbability = [.. Enumerable.Range(0, head.Classes).Select(Mean)];
        Knowledge = (Entropy(MeanProbability) - Draw.Chunk(head.Classes).Average(Entropy)) / Math.Log(Math.Max(2, head.Classes));
        for (var c = 0; c < head.Classes; c++)
        {
            var sum = MeanProbability[c] * Count;
            for (var i = 0; i < Count; i++)
                Draw[i * head.Classes + c] = sum > 1e-300 ? Draw[i * head.Classes + c] / sum : 1.0 / Count;
        }
    }

    public int Count => dummy.Count;

    /// <summary>[N,C]: the chance that an image of class c looks like dummy i.</summary>
    public double[] Draw { get; }

    /// <summary>[C]: the mean prediction.</summary>
    public double[] MeanProbability { get; }

    /// <summary>
    /// How much of a class the model reads in procedural images: the mutual information of image and prediction, over that of certain
    /// ones. About 0 for a network that knows nothing, however it was drawn, and about a half for a trained one.
    /// </summary>
    public double Knowledge { get; }

    /// <summary>Direction along which features have a mean of 1.</summary>
    public double[] Along { get; }

    /// <summary>[C,features].</summary>
    public double[] Shift { get; }

    /// <summary>[C,C]: what the shift of class j adds to logit c, at j * C + c.</summary>
    public double[] ShiftLogits { get; }

    /// <summary>How much one image of class j weighs in the signal: 1 with a bias.</summary>
    public double Weight(int image, int label) => head.HasBias ? 1
        : TensorPrimitives.Dot(dummy.Features.AsSpan(image * head.Features, head.Features), Along)
            + TensorPrimitives.Dot(Shift.AsSpan(label * head.Features, head.Features), Along);

    /// <summary>The error p - y of dummy image i as an image of class j.</summary>
    public double[] Error(int image, int label)
    {
        var p = Logits(image, label);
        Softmax.InPlace(p);
        p[label]--;
        return p;
    }

    public double[] Logits(int image, int label)
    {
        var z = dummy.Logits.AsSpan(image * head.Classes, head.Classes).ToArray();
        for (var c = 0; c < z.Length; c++)
            z[c] += ShiftLogits[label * z.Length + c];
        return z;
    }

    /// <summary>Adds errors, [C,N] of dummy images and [C,C] of classes, times their features to a weight gradient.</summary>
    public void AddWeight(double[] weight, double[] byImage, double[] byClass)
    {
        var (classes, features) = (head.Classes, head.Features);
        for (var c = 0; c < classes; c++)
        {
            var row = weight.AsSpan(c * features, features);
            for (var i = 0; i < Count; i++)
                Add(row, byImage[c * Count + i], dummy.Features.AsSpan(i * features, features));
            for (var j = 0; j < classes; j++)
                Add(row, byClass[c * classes + j], Shift.AsSpan(j * features, features));
        }
    }

    /// <summary>[N+C,N+C]: products of the dummy images' features and the shifts.</summary>
    public double[] Gram()
    {
        var size = Count + head.Classes;
        var gram = new double[size * size];
        ReadOnlySpan<double> Row(int i) => i < Count ? dummy.Features.AsSpan(i * head.Features, head.Features)
            : Shift.AsSpan((i - Count) * head.Features, head.Features);
        for (var i = 0; i < size; i++)
            for (var j = 0; j <= i; j++)
                gram[i * size + j] = gram[j * size + i] = TensorPrimitives.Dot(Row(i), Row(j));
        return gram;
    }

    /// <summary>Moves the class means so that the expected weight gradient comes nearer to the observed one, with a ridge.</summary>
    public void Fit(HeadMoments moments, double ridge)
    {
        var (classes, features) = (head.Classes, head.Features);
        // MathNet's matrices are column by column, so that an array that is row by row stands for the transposed one.
        var share = new DenseMatrix(classes, classes, moments.Share);
        var square = share.TransposeThisAndMultiply(share);
        square.SetDiagonal(square.Diagonal() + (ridge * square.Trace() / classes + double.Epsilon));
        var inverse = square.Inverse();
        if (!inverse.Enumerate().All(double.IsFinite))
            return;
        var left = new DenseMatrix(features, classes,
            [.. head.WeightGradient.Zip(moments.Weight, (observed, expected) => observed - expected)]);
        var shift = new DenseMatrix(features, classes, Shift);
        shift.Add(left.TransposeAndMultiply(share * inverse), shift);
        new DenseMatrix(features, classes, head.Weight).TransposeThisAndMultiply(shift, new DenseMatrix(classes, classes, ShiftLogits));
    }

    private static double Entropy(double[] p) => -p.Sum(value => value > 1e-300 ? value * Math.Log(value) : 0);

    private static void Add(Span<double> row, double factor, ReadOnlySpan<double> other)
    {
        if (factor != 0)
            TensorPrimitives.MultiplyAdd(other, factor, row, row);
    }
}
