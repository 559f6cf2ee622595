using Afterimage.LabelRecovery;
using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Spaces;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>Every derivative agrees with a central difference in double precision.</summary>
public class DerivativeLaws
{
    public static TheoryData<string> Fidelities => Parts.Of<Fidelity>();

    /// <summary>Priors whose gradient is that of their value; the others have tests of their own.</summary>
    public static TheoryData<string> Priors => new(Potentials().Select(prior => Catalog.Kind(prior.GetType())));

    public static TheoryData<string> Spaces => Parts.Of<SearchSpace>();

    public static TheoryData<string> Rules => Parts.Of<LabelRule>();

    [Theory, MemberData(nameof(Fidelities))]
    public void Of_a_fidelity_with_respect_to_the_predicted_update(string kind)
    {
        using var scene = Scene.Smooth();
        using var scope = NewDisposeScope();
        var layout = scene.Model.Layout;
        var observed = scene.Context.Observation.Update;
        foreach (var layers in Enum.GetValues<LayerWeighting>())
        {
            var misfit = (Parts.Default<Fidelity>(kind) with { Layers = layers }).Against(observed);
            foreach (var name in (string[])["near", "far"])
            {
                var point = observed.Flat * (name == "near" ? 1 : 0)
                    + scene.Normal(name, layout.Count) * (0.2 * observed.Flat.abs().mean());
                double Value(Tensor flat) => misfit.Evaluate(new(layout, flat)).Value;
                Slope.Agrees(Value, point, misfit.Evaluate(new(layout, point)).Gradient.Flat, scene.Normal("direction", layout.Count),
                    step: 1e-7, tolerance: 1e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Priors))]
    public void Of_a_prior_with_respect_to_the_images(string kind)
    {
        using var scene = new Scene(new LeNet { Normalization = new([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]) });
        using var scope = NewDisposeScope();
        var penalty = Parts.Default<Prior>(kind).Bind(scene.Context);
        var leaf = scene.Images.clone().requires_grad_();
        var value = penalty(scene.Trial(leaf));
        Assert.Equal(1, value.numel());
        Assert.Equal(value.ToDouble(), penalty(scene.Trial(scene.Images)).ToDouble());
        Slope.Agrees(images => penalty(scene.Trial(images)).ToDouble(), scene.Images, Differentiate.Gradients(value, [leaf])[0],
            scene.Normal("direction", scene.Images.shape), tolerance: 1e-5, step: 1e-7);
    }

    [Theory, MemberData(nameof(Spaces))]
    public void Of_decoding_with_respect_to_the_variables(string kind)
    {
        using var scene = new Scene(new LeNet { Normalization = new([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]) });
        using var scope = NewDisposeScope();
        var search = Parts.Default<SearchSpace>(kind).Open(scene.Context, scene.Images, new RandomSource(1));
        var cotangent = scene.Normal("cotangent", scene.Images.shape);
        var variables = search.Start + scene.Normal("elsewhere", search.Start.shape) * 0.1;
        Assert.Equal(scene.Images.shape, search.Decode(variables).shape);
        Slope.Agrees(z => (search.Decode(z) * cotangent).sum().ToDouble(), variables, search.Pullback(variables, cotangent),
            scene.Normal("direction", variables.shape), step: 1e-7);
    }

    [Theory, MemberData(nameof(Rules))]
    public void Of_the_whole_objective_with_respect_to_variables_and_label_logits(string rule)
    {
        using var scene = Scene.Smooth(batch: 1);
        using var scope = NewDisposeScope();
        var labels = Parts.Default<LabelRule>(rule).Recover(scene.Context);
        foreach (var fidelity in Parts.Catalog.Parts(typeof(Fidelity)).Select(Catalog.Kind).Select(Parts.Default<Fidelity>))
            foreach (var space in Parts.Catalog.Parts(typeof(SearchSpace)).Select(Catalog.Kind).Select(Parts.Default<SearchSpace>))
            {
                var start = scene.Images + scene.Normal("away", scene.Images.shape) * 0.1;
                var priors = Potentials().Select(prior => prior with { Weight = 1e-3 });
                var search = space.Open(scene.Context, start, new RandomSource(2));
                var objective = new MatchingObjective(scene.Context, search, fidelity, priors, labels, new RandomSource(3));
                var gradient = zeros_like(objective.Start);
                var scratch = zeros_like(objective.Start);
                objective.Evaluate(objective.Start, gradient);
                Assert.True(gradient.abs().min().ToDouble() > 0);
                double Value(Tensor point) => objective.Evaluate(point, scratch);
                Slope.Agrees(Value, objective.Start, gradient, scene.Normal("direction", gradient.shape), tolerance: 1e-5, step: 1e-7);
                if (!labels.Refine)
                    continue;
                var logits = zeros_like(gradient);
                logits.narrow(0, gradient.shape[0] - scene.Model.Classes, scene.Model.Classes)
                    .copy_(scene.Normal("logits", scene.Model.Classes));
                Slope.Agrees(Value, objective.Start, gradient, logits, tolerance: 1e-5);
            }
    }

    private static IEnumerable<Prior> Potentials() => Parts.Catalog.Parts(typeof(Prior)).Select(part => (Prior)Parts.Default(part))
        .Where(prior => prior.HasPotential);
}
