namespace Afterimage.LabelRecovery;

/// <summary>
/// Levenberg-Marquardt for the coordinates n_i of the features of a batch in the span of the head's gradient:
/// mean of d_i n_i' = K q and mean of d_i = b q, where d_i = softmax(A n_i + a) - t_i. Every column of K counts alike; q is 1, or one
/// more unknown, the last of a point, where the size of the gradient is not known.
/// </summary>
internal sealed class SoftmaxFit(int batch, int classes, double[] k, double[] b, double[] weight, double[] bias,
    double[] targets, double[] strengths, bool sized = false)
{
    private const int Iterations = 200;

    private readonly int unknowns = batch * batch + (sized ? 1 : 0);
    private readonly int equations = classes * (batch + 1);

    /// <summary>
    /// Moves the coordinates, [B,B], and q behind them where it is unknown, to the nearest solution; returns the root mean square of what
    /// remains.
    /// </summary>
    public double Solve(double[] point)
    {
        var (residual, trial) = (new double[equations], new double[equations]);
        var jacobian = new double[equations * unknowns];
        var (normal, step, moved) = (new double[unknowns * unknowns], new double[unknowns], new double[unknowns]);
        var damping = 1e-2;
        var value = Evaluate(point, residual, jacobian);
        for (var iteration = 0; iteration < Iterations && damping < 1e12 && value > 1e-26; iteration++)
        {
            Normal(jacobian, residual, normal, step, damping);
            if (!Cholesky.Solve(normal, step, unknowns))
            {
                damping *= 4;
                continue;
            }
            for (var i = 0; i < unknowns; i++)
                moved[i] = point[i] - step[i];
            var next = Evaluate(moved, trial, null);
            if (!(next < value))
            {
                damping *= 4;
                continue;
            }
            var finished = next > value * (1 - 1e-6) && damping < 1e-6;
            Array.Copy(moved, point, unknowns);
            value = Evaluate(point, residual, jacobian);
            damping = Math.Max(damping / 4, 1e-15);
            if (finished)
                break;
        }
        return Math.Sqrt(value / equations);
    }

    private double Evaluate(double[] point, double[] residual, double[]? jacobian)
    {
        Array.Clear(residual);
        if (jacobian is not null)
            Array.Clear(jacobian);
        var (p, slope) = (new double[classes], new double[classes]);
        for (var i = 0; i < batch; i++)
        {
            Probabilities(point, i, p);
            for (var c = 0; c < classes; c++)
            {
                var error = (p[c] - targets[i * classes + c]) / batch;
                for (var j = 0; j < batch; j++)
                    residual[c * (batch + 1) + j] += error * point[i * batch + j] / strengths[j];
                residual[c * (batch + 1) + batch] += error;
            }
            for (var q = 0; jacobian is not null && q < batch; q++)
            {
                var mean = 0.0;
                for (var c = 0; c < classes; c++)
                    mean += p[c] * weight[c * batch + q];
                for (var c = 0; c < classes; c++)
                {
                    slope[c] = p[c] * (weight[c * batch + q] - mean) / batch;
                    var column = i * batch + q;
                    for (var j = 0; j < batch; j++)
                        jacobian[(c * (batch + 1) + j) * unknowns + column] = slope[c] * point[i * batch + j] / strengths[j];
                    jacobian[(c * (batch + 1) + q) * unknowns + column] += (p[c] - targets[i * classes + c]) / batch / strengths[q];
                    jacobian[(c * (batch + 1) + batch) * unknowns + column] = slope[c];
                }
            }
        }
        var (value, size) = (0.0, sized ? point[^1] : 1);
        for (var c = 0; c < classes; c++)
        {
            for (var j = 0; j <= batch; j++)
            {
                var (row, seen) = (c * (batch + 1) + j, j < batch ? k[c * batch + j] / strengths[j] : b[c]);
                residual[row] -= size * seen;
                if (sized && jacobian is not null)
                    jacobian[row * unknowns + unknowns - 1] = -seen;
            }
        }
        foreach (var number in residual)
            value += number * number;
        return double.IsFinite(value) ? value : double.PositiveInfinity;
    }

    private void Probabilities(double[] point, int i, double[] p)
    {
        var largest = double.NegativeInfinity;
        for (var c = 0; c < classes; c++)
        {
            p[c] = bias[c];
            for (var j = 0; j < batch; j++)
                p[c] += weight[c * batch + j] * point[i * batch + j];
            largest = Math.Max(largest, p[c]);
        }
        var sum = 0.0;
        for (var c = 0; c < classes; c++)
            sum += p[c] = Math.Exp(p[c] - largest);
        for (var c = 0; c < classes; c++)
            p[c] /= sum;
    }

    /// <summary>J'J with Marquardt's damping, and J'r.</summary>
    private void Normal(double[] jacobian, double[] residual, double[] normal, double[] right, double damping)
    {
        Array.Clear(normal);
        Array.Clear(right);
        for (var e = 0; e < equations; e++)
        {
            var row = jacobian.AsSpan(e * unknowns, unknowns);
            for (var i = 0; i < unknowns; i++)
            {
                if (row[i] == 0)
                    continue;
                right[i] += row[i] * residual[e];
                for (var j = 0; j <= i; j++)
                    normal[i * unknowns + j] += row[i] * row[j];
            }
        }
        for (var i = 0; i < unknowns; i++)
            normal[i * unknowns + i] = normal[i * unknowns + i] * (1 + damping) + double.Epsilon;
    }

    private static class Cholesky
    {
        /// <summary>Solves in place; false when the matrix, whose lower triangle is given, is not positive definite.</summary>
        public static bool Solve(double[] matrix, double[] right, int size)
        {
            for (var i = 0; i < size; i++)
                for (var j = 0; j <= i; j++)
                {
                    var sum = matrix[i * size + j];
                    for (var m = 0; m < j; m++)
                        sum -= matrix[i * size + m] * matrix[j * size + m];
                    if (i == j && !(sum > 0))
                        return false;
                    matrix[i * size + j] = i == j ? Math.Sqrt(sum) : sum / matrix[j * size + j];
                }
            for (var i = 0; i < size; i++)
            {
                for (var m = 0; m < i; m++)
                    right[i] -= matrix[i * size + m] * right[m];
                right[i] /= matrix[i * size + i];
            }
            for (var i = size - 1; i >= 0; i--)
            {
                for (var m = i + 1; m < size; m++)
                    right[i] -= matrix[m * size + i] * right[m];
                right[i] /= matrix[i * size + i];
            }
            return true;
        }
    }
}
