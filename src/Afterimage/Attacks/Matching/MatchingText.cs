using System.Globalization;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Priors;
using Afterimage.Solvers;

namespace Afterimage.Attacks;

/// <summary>Gradient matching as an equation.</summary>
internal static class MatchingText
{
    /// <summary>For example "min over x: |w (A(x) - y)|^2 + 0.001 TV(x), ...".</summary>
    /// <param name="attack">The attack, or what another has in common with it.</param>
    /// <param name="coupling">Further terms of the objective.</param>
    public static string Of(GradientMatching attack, string coupling = "")
    {
        var weight = attack.Fidelity.Layers == LayerWeighting.Equal ? "" : "w ";
        var distance = attack.Fidelity switch
        {
            Cosine => $"1 - cos({weight}A(x), {weight}y)",
            Euclidean => $"|{weight}(A(x) - y)|^2",
            var other => $"{other.GetType().Name}({weight}A(x), {weight}y)",
        };
        var priors = string.Concat(attack.Priors.Select(prior => $" + {Number(prior.Weight)} {(prior is TotalVariation ? "TV" : prior.GetType().Name)}(x)"));
        var unknowns = (attack.Labels is Joint ? "x and labels" : "x")
            + (attack.Nuisance is { } nuisance ? $" and {PartKind.Of(nuisance.GetType()).Replace('-', ' ')}" : "");
        var solver = attack.Solver switch
        {
            Lbfgs lbfgs => $"L-BFGS with {lbfgs.History} pairs, at most {lbfgs.Iterations} steps",
            FirstOrder first => (first.Sign == GradientSign.None ? "" : $"{first.Sign.ToString().ToLowerInvariant()}-signed ") +
                $"{first.Method} at rate {Number(first.LearningRate)}, {first.Iterations} steps",
            var other => other.GetType().Name,
        };
        var where = weight.Length == 0 ? "" : attack.Fidelity.Layers switch
        {
            LayerWeighting.InverseRms => "; w = 1 / norm of each tensor's observed update",
            LayerWeighting.InverseRootRms => "; w^2 = 1 / norm of each tensor's observed update",
            LayerWeighting.Linear => "; w^2 falls linearly with depth",
            _ => "; w^2 halves from tensor to tensor",
        };
        return $"min over {unknowns}: {distance}{priors}{coupling}{where}\n" +
            $"from {PartKind.Of(attack.Start.GetType())} starts, at most {attack.Restarts}, by {solver}, in {attack.Precision.ToString().ToLowerInvariant()}; " +
            $"labels: {PartKind.Of(attack.Labels.GetType())}";
    }

    public static string Number(double value) => value.ToString("0.#####", CultureInfo.InvariantCulture);
}
