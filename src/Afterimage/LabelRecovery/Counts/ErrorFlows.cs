namespace Afterimage.LabelRecovery;

/// <summary>
/// Between which classes a trained model errs. The bias gradient only says what a class loses less what it gains; the weight gradient says
/// more, for an image of class y that the model half takes for k has features between the two, whose logits are high for both. With
/// class means along the rows of the head's weight (neural collapse; Papyan, Han and Donoho, 2020) every flow of probability from y to k
/// has a known pattern in the gradient, and the fewest flows that explain it follow from a lasso without negative entries.
/// </summary>
internal static class ErrorFlows
{
    private const int LargestHead = 40, Sweeps = 200;

    /// <summary>Of an equation for the signal over one for the pattern, and of the penalty over the least that explains nothing.</summary>
    private const double SignalWeight = 4, Sparsity = 0.03;

    /// <summary>The probability that images of each class lose to others, summed over the batch, [C]; null where it is not told.</summary>
    /// <param name="signal">The bias gradient or its stand-in.</param>
    public static double[]? Lost(HeadEvidence head, double[] signal)
    {
        var (classes, batch) = (head.Classes, head.Batch);
        var rows = Centered(head);
        var alike = Products(rows, rows, head);
        var diagonal = Enumerable.Range(0, classes).Average(c => alike[c * classes + c]);
        var seen = Products(head.WeightGradient, rows, head);
        var scale = Enumerable.Range(0, classes).Sum(c => seen[c * classes + c] * signal[c]) / TensorPrimitives.Dot(signal, signal);
        if (classes is < 3 or > LargestHead || !(diagonal > 0) || !(scale > 0))
            return null;
        var pairs = classes * (classes - 1) / 2;
        var atoms = new List<(int From, double[] Pattern)>();
        for (var y = 0; y < classes; y++)
            for (var k = 0; k < classes; k++)
                if (y != k)
                {
                    var (from, to) = (y, k);
                    double Entry(int a, int b) =>
                        ((a == to ? 1 : 0) - (a == from ? 1 : 0)) * (alike[b * classes + from] + alike[b * classes + to]) / diagonal;
                    atoms.Add((from, Equations(Entry, c => (c == to ? 1 : 0) - (c == from ? 1 : 0))));
                }
        var observed = Equations((a, b) => batch * seen[a * classes + b] / scale, c => batch * signal[c]);
        var flows = Lasso([.. atoms.Select(atom => atom.Pattern)], observed);
        var lost = new double[classes];
        for (var i = 0; i < flows.Length; i++)
            lost[atoms[i].From] += flows[i];
        return lost;

        // Only the antisymmetric part shows the direction of a flow: an image's gain and loss share one feature.
        double[] Equations(Func<int, int, double> pattern, Func<int, double> entry)
        {
            var numbers = new double[pairs + classes];
            for (var (a, i) = (0, 0); a < classes; a++)
                for (var b = 0; b < a; b++)
                    numbers[i++] = pattern(a, b) - pattern(b, a);
            for (var c = 0; c < classes; c++)
                numbers[pairs + c] = SignalWeight * entry(c);
            return numbers;
        }
    }

    private static double[] Centered(HeadEvidence head)
    {
        var rows = (double[])head.Weight.Clone();
        for (var f = 0; f < head.Features; f++)
        {
            var mean = Enumerable.Range(0, head.Classes).Average(c => head.Weight[c * head.Features + f]);
            for (var c = 0; c < head.Classes; c++)
                rows[c * head.Features + f] -= mean;
        }
        return rows;
    }

    private static double[] Products(double[] left, double[] right, HeadEvidence head)
    {
        var (classes, features) = (head.Classes, head.Features);
        var products = new double[classes * classes];
        for (var a = 0; a < classes; a++)
            for (var b = 0; b < classes; b++)
                products[a * classes + b] = TensorPrimitives.Dot(left.AsSpan(a * features, features), right.AsSpan(b * features, features));
        return products;
    }

    /// <summary>By coordinate descent.</summary>
    private static double[] Lasso(double[][] atoms, double[] right)
    {
        var (flows, left) = (new double[atoms.Length], (double[])right.Clone());
        var squares = atoms.Select(atom => TensorPrimitives.Dot(atom, atom)).ToArray();
        var penalty = Sparsity * atoms.Max(atom => Math.Abs(TensorPrimitives.Dot(atom, right)));
        for (var (sweep, moved) = (0, true); moved && sweep < Sweeps; sweep++)
        {
            moved = false;
            for (var i = 0; i < atoms.Length; i++)
            {
                var next = Math.Max(0, flows[i] + (TensorPrimitives.Dot(atoms[i], left) - penalty) / squares[i]);
                var step = next - flows[i];
                if (step == 0)
                    continue;
                moved |= Math.Abs(step) > 1e-5 * flows.Max();
                flows[i] = next;
                TensorPrimitives.MultiplyAdd(atoms[i], -step, left, left);
            }
        }
        return flows;
    }
}
