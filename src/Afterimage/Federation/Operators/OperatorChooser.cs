using System.Diagnostics;
using Afterimage.Compiled;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>Decides between the implementations of an operator.</summary>
internal static class OperatorChooser
{
    private const double TimingSeconds = 0.1;

    public static ForwardOperator Choose(LocalTraining training, VictimModel model, int batch, OperatorChoice choice, string? obstacle)
    {
        if (choice == OperatorChoice.FiniteDifferences)
            return Differences(training, model, batch, "Finite differences of gradients were asked for");
        // Known layers all have second derivatives; a script may hold anything.
        var missing = model.Network is null ? training.MissingDerivative(model, batch) : null;
        if (choice == OperatorChoice.Autograd)
            return missing is null ? new GraphOperator(training, model) { Reason = "Automatic differentiation was asked for." }
                : throw new AfterimageException(
                    $"The model cannot be differentiated twice ({missing}): choose auto or finite-differences.");
        if (choice == OperatorChoice.Compiled)
            return obstacle is null ? Compiled(training, model, "The compiled operator was asked for.")
                : throw new AfterimageException($"{obstacle}, so the operator cannot be compiled: choose auto or autograd.");
        if (missing is not null)
            return Differences(training, model, batch,
                $"The model cannot be differentiated twice ({missing}), so finite differences of gradients are taken");
        if (obstacle is not null)
            return new GraphOperator(training, model) { Reason = $"{obstacle}, so the operator is automatic differentiation." };
        return Faster(training, model, batch);
    }

    private static DifferenceOperator Differences(LocalTraining training, VictimModel model, int batch, string because)
    {
        if (training is not FedSgd)
            throw new AfterimageException($"{because}, but they serve an update that is one gradient, not one of several local steps: " +
                "audit one gradient of this model (fedsgd).");
        return new(model, training, batch, because);
    }

    private static ForwardOperator Compiled(LocalTraining training, VictimModel model, string reason) =>
        CompiledOperator.Of(model, training.Loss, reason, training.Mode);

    private static ForwardOperator Faster(LocalTraining training, VictimModel model, int batch)
    {
        using var compiled = Compiled(training, model, "");
        using var graph = new GraphOperator(training, model) { Reason = "" };
        var (fast, slow) = (double.PositiveInfinity, double.PositiveInfinity);
        Evaluate(compiled, model, batch);
        Evaluate(graph, model, batch);
        var clock = Stopwatch.StartNew();
        do
        {
            fast = Math.Min(fast, Evaluate(compiled, model, batch));
            slow = Math.Min(slow, Evaluate(graph, model, batch));
        }
        while (clock.Elapsed.TotalSeconds < TimingSeconds);
        var times = FormattableString.Invariant(
            $"one evaluation took {fast * 1000:G3} ms compiled and {slow * 1000:G3} ms by automatic differentiation");
        return fast < slow ? Compiled(training, model, $"Compiled, because {times}.")
            : new GraphOperator(training, model) { Reason = $"Automatic differentiation, because {times}." };
    }

    /// <summary>Seconds of A(x) and J'v at a gray batch.</summary>
    private static double Evaluate(ForwardOperator forward, VictimModel model, int batch)
    {
        using var _ = NewDisposeScope();
        var gray = LocalTraining.Gray(model, batch);
        var begin = Stopwatch.GetTimestamp();
        var point = forward.At(gray);
        point.Pullback(point.Value);
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }
}
