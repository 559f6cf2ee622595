namespace Afterimage.Solvers;

/// <summary>
/// Finds a step that satisfies the strong Wolfe conditions (Nocedal and Wright, 2006, algorithms 3.5 and 3.6), with cubic
/// interpolation. A value that is not finite counts as too high.
/// </summary>
internal sealed class WolfeLineSearch(Objective objective, Tensor like, int evaluations) : IDisposable
{
    private const double Decrease = 1e-4, Curvature = 0.9;
    private readonly Tensor bestPoint = zeros_like(like);
    private readonly Tensor bestGradient = zeros_like(like);
    private int used;

    /// <summary>The accepted point.</summary>
    public Tensor Point { get; private set; } = zeros_like(like);

    /// <summary>The gradient at the accepted point.</summary>
    public Tensor Gradient { get; private set; } = zeros_like(like);

    private readonly record struct Trial(double Step, double Value, double Slope);

    /// <summary>The accepted step and value, or null when no step lowers the value.</summary>
    public (double Step, double Value)? Run(Tensor origin, double value, Tensor gradient, Tensor direction, double slope, double initial)
    {
        used = 0;
        var start = new Trial(0, value, slope);
        var previous = start;
        var current = At(origin, direction, initial);
        while (true)
        {
            var rises = current.Value > value + Decrease * current.Step * slope;
            if (!double.IsFinite(current.Value) || rises || (previous.Step > 0 && current.Value >= previous.Value))
                return Zoom(origin, direction, start, previous, current);
            if (Math.Abs(current.Slope) <= -Curvature * slope)
                return (current.Step, current.Value);
            // Whatever the buffers hold is the lowest trial so far, which may be what is returned.
            Keep();
            if (current.Slope >= 0)
                return Zoom(origin, direction, start, current, previous);
            if (used >= evaluations)
                return (current.Step, current.Value);
            var next = Math.Clamp(Cubic(previous, current), 1.5 * current.Step, 10 * current.Step);
            (previous, current) = (current, At(origin, direction, next));
        }
    }

    private (double, double)? Zoom(Tensor origin, Tensor direction, Trial start, Trial low, Trial high)
    {
        while (used < evaluations)
        {
            var (left, right) = low.Step < high.Step ? (low.Step, high.Step) : (high.Step, low.Step);
            var margin = 0.1 * (right - left);
            if (right - left <= 1e-16 * Math.Max(1, right))
                break;
            var step = double.IsFinite(high.Value) ? Math.Clamp(Cubic(low, high), left + margin, right - margin) : (left + right) / 2;
            var trial = At(origin, direction, step);
            if (!double.IsFinite(trial.Value) || trial.Value > start.Value + Decrease * step * start.Slope || trial.Value >= low.Value)
                high = trial;
            else
            {
                if (Math.Abs(trial.Slope) <= -Curvature * start.Slope)
                    return (trial.Step, trial.Value);
                if (trial.Slope * (high.Step - low.Step) >= 0)
                    high = low;
                low = trial;
                Keep();
            }
        }
        if (low.Step == 0 || low.Value >= start.Value)
            return null;
        Point.copy_(bestPoint);
        Gradient.copy_(bestGradient);
        return (low.Step, low.Value);
    }

    private void Keep()
    {
        bestPoint.copy_(Point);
        bestGradient.copy_(Gradient);
    }

    private Trial At(Tensor origin, Tensor direction, double step)
    {
        used++;
        using var _ = Tidy.Scope();
        Point.copy_(origin).add_(direction, alpha: step);
        var value = objective.Evaluate(Point, Gradient);
        return new(step, value, Gradient.dot(direction).ToDouble());
    }

    /// <summary>The minimum of the cubic through two values and slopes; the middle where it has none.</summary>
    private static double Cubic(Trial a, Trial b)
    {
        var d1 = a.Slope + b.Slope - 3 * (a.Value - b.Value) / (a.Step - b.Step);
        var root = d1 * d1 - a.Slope * b.Slope;
        if (!(root >= 0))
            return (a.Step + b.Step) / 2;
        var d2 = Math.Sign(b.Step - a.Step) * Math.Sqrt(root);
        var step = b.Step - (b.Step - a.Step) * ((b.Slope + d2 - d1) / (b.Slope - a.Slope + 2 * d2));
        return double.IsFinite(step) ? step : (a.Step + b.Step) / 2;
    }

    public void Dispose()
    {
        bestPoint.Dispose();
        bestGradient.Dispose();
        Point.Dispose();
        Gradient.Dispose();
    }
}
