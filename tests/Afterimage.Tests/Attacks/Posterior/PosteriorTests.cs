using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

/// <summary>The parts of Gauss-Newton against slow or independent computations.</summary>
public class PosteriorTests
{
    private const double Sigma = 1e-2;

    private static readonly ImageShape Small = new(1, 10, 10);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_direct_solvers_undo_the_Gauss_Newton_matrix_which_conjugate_gradients_do_too(int batch)
    {
        using var scope = NewDisposeScope();
        using var round = Round(batch, new Mlp { Depth = 2, Width = 40, Activation = ActivationKind.Sigmoid });
        var problem = Problem(round.Context);
        var here = problem.At(Normal(problem.Unknowns, 1) * 0.3);
        var v = Normal(problem.Unknowns, 2);
        var image = here.Curve(Sigma, v);
        var whole = new DirectSolver(problem);
        whole.Build(here);
        whole.Factor(Sigma);
        Assert.True((whole.Apply(image) - v).norm().ToDouble() < 1e-6 * v.norm().ToDouble());
        var block = new LeadingPreconditioner(problem, problem.Unknowns);
        block.Build(here);
        block.Factor(Sigma);
        Assert.True((block.Apply(image) - v).norm().ToDouble() < 1e-6 * v.norm().ToDouble());
        var exact = Descended(problem, (block, null));
        var iterated = Descended(problem, (new LeadingPreconditioner(problem, 0), null));
        Assert.Equal(exact.Objective, iterated.Objective, 0.02 * exact.Objective);
        Assert.True(Psnr(problem.Decode(exact.Point), problem.Decode(iterated.Point)) > 45);
    }

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(30.0, false)]
    [InlineData(30.0, true)]
    public void The_step_goes_down_the_gradient_of_the_objective(double variation, bool box)
    {
        using var scope = NewDisposeScope();
        using var round = Round(2, new Mlp { Depth = 2, Width = 40, Activation = ActivationKind.Tanh });
        var problem = Problem(round.Context, variation, box);
        // Draws as wide as images leave the box in places.
        var z = Normal(problem.Unknowns, 3) * 2;
        var direction = Normal(problem.Unknowns, 4);
        Slope.Agrees(point => problem.At(point).Value(Sigma, point), z, problem.At(z).Downhill(Sigma, z) * -2, direction, 1e-5, 1e-6);
        var u = Normal(problem.Unknowns, 5);
        var here = problem.At(z);
        Assert.Equal(here.Curve(Sigma, u).dot(direction).ToDouble(), here.Curve(Sigma, direction).dot(u).ToDouble(), 1e-4);
        Assert.True(here.Curve(Sigma, u).dot(u).ToDouble() >= u.dot(u).ToDouble());
    }

    [Fact]
    public void The_reweighted_total_variation_touches_the_true_one_from_above()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        var terms = new PixelTerms(5, box: false);
        var images = rand([2, 3, 6, 7], ScalarType.Float64, generator: generator);
        var move = randn([2, 3, 6, 7], ScalarType.Float64, generator: generator) * 0.1;
        // f(x + d) <= f(x) + 2 (g/2)'d + d'(H/2)d for a majorizer.
        var change = 2 * (terms.HalfGradient(images) * move).sum() + (terms.Bend(images, move) * move).sum();
        var bound = terms.Value(images) + change.ToDouble();
        Assert.True(terms.Value(images + move) <= bound);
        Assert.True(bound - terms.Value(images + move) < 0.5 * Math.Abs(bound));
    }

    [Fact]
    public void Total_variation_as_a_residual_gives_calmer_images_from_a_noisy_update()
    {
        using var scope = NewDisposeScope();
        using var round = Round(1, new Mlp { Depth = 2, Width = 8, Activation = ActivationKind.Sigmoid }, noise: 0.5);
        var settings = new GaussNewton { Noise = 0.5, Restarts = 1, SplitHead = false };
        using var plain = settings.Run(round.Context);
        using var calm = (settings with { TotalVariation = 20 }).Run(round.Context);
        Assert.True(Variation(calm.Images) < 0.8 * Variation(plain.Images), $"{Variation(calm.Images):F2}, {Variation(plain.Images):F2}");
        var terms = new PixelTerms(20, box: false);
        Assert.True(terms.Value(calm.Images.to(ScalarType.Float64)) < terms.Value(plain.Images.to(ScalarType.Float64)));
    }

    [Fact]
    public void The_box_is_respected()
    {
        using var scope = NewDisposeScope();
        using var round = Round(1, new Mlp { Depth = 2, Width = 12, Activation = ActivationKind.Sigmoid }, noise: 1.5, contrast: true);
        Assert.True(Outside(Found(box: false)) > 0.05, $"{Outside(Found(box: false))}");
        Assert.True(Outside(Found(box: true)) < 0.01, $"{Outside(Found(box: true))}");

        Tensor Found(bool box)
        {
            var problem = Problem(round.Context, box: box);
            return problem.Decode(Descended(problem, (new(problem, problem.Unknowns), null), 0.1).Point);
        }

        static double Outside(Tensor images) => (images - images.clamp(0, 1)).abs().max().ToDouble();
    }

    [Fact]
    public void Smoothed_kinks_that_sharpen_lead_to_the_solution_of_the_network_with_kinks()
    {
        using var scope = NewDisposeScope();
        using var round = Round(1, new Mlp { Depth = 3, Width = 60, Activation = ActivationKind.LeakyReLU });
        using var found = new GaussNewton { Restarts = 2, Steps = 40 }.Run(round.Context);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.True(Psnr(round.Images, found.Images) > 50, $"{Psnr(round.Images, found.Images):F1} dB");
    }

    [Fact]
    public void A_sharpened_network_comes_close_to_the_one_with_kinks()
    {
        using var scope = NewDisposeScope();
        using var round = Round(1, new Mlp { Depth = 3, Width = 60, Activation = ActivationKind.ReLU });
        Assert.True(SmoothedModel.Applies(round.Context.Model));
        var sharp = round.Context.Model.Logits(round.Images.to(ScalarType.Float64));
        var differences = new[] { 4.0, 64, 1024 }.Select(sharpness =>
        {
            var (context, model) = SmoothedModel.Of(round.Context, sharpness);
            using (model)
            using (context)
                return (model.Logits(round.Images.to(ScalarType.Float64)) - sharp).norm().ToDouble();
        }).ToArray();
        Assert.True(differences[0] > 4 * differences[1] && differences[1] > 4 * differences[2] && differences[2] < 1e-2);
    }

    [Fact]
    public void What_a_first_order_attack_found_is_polished()
    {
        using var scope = NewDisposeScope();
        using var round = Round(1, new Mlp { Depth = 2, Width = 40, Activation = ActivationKind.LeakyReLU });
        var first = Known.Matching with { Solver = new Lbfgs { Iterations = 60 }, Restarts = 1 };
        using var before = first.Run(round.Context);
        using var after = new GaussNewton { First = first, Sharpness = [], Restarts = 1 }.Run(round.Context);
        Assert.True(after.RelativeMisfit < before.RelativeMisfit / 10, $"{before.RelativeMisfit:G2}, then {after.RelativeMisfit:G2}");
    }

    private static PosteriorDescent Descended(PosteriorProblem problem, (LeadingPreconditioner, DirectSolver?) solvers, double floor = Sigma)
    {
        var descent = new PosteriorDescent(0, problem, solvers, Normal(problem.Unknowns, 6) * 0.3, 1, floor);
        while (!descent.Finished && descent.Steps < 40)
            descent.TryAdvance(default);
        return descent;
    }

    private static PosteriorProblem Problem(AttackContext context, double variation = 0, bool box = false)
    {
        var targets = new Labels(context.Observation.Labels!.Value, context.Observation.Labels!.Value.Select(_ => 1.0).ToValueList())
            .Targets(context.Model.Classes, ScalarType.Float64, CPU);
        return new(context, new Photographs(context.Model.Input), new(variation, box), targets, null, true);
    }

    private static Observed Round(int batch, Mlp mlp, double noise = 0, bool contrast = false)
    {
        var model = mlp.Open(Small, 6, new RandomSource(11).Derive("model"), ScalarType.Float64, CPU);
        var set = new DeadLeaves { Shape = Small, Seed = 9 }.Open();
        var images = stack([.. Enumerable.Range(0, batch).Select(i => tensor(set[i].Pixels).view(1, 10, 10))]);
        images = contrast ? (images > images.mean()).to(ScalarType.Float32) : images;
        var labels = Enumerable.Range(0, batch).Select(i => i + 1).ToValueList();
        var targets = new Labels(labels, labels.Select(_ => 1.0).ToValueList()).Targets(6, ScalarType.Float64, CPU);
        var update = new FedSgd().Linearize(model, new(images.to(ScalarType.Float64), targets)).Value;
        foreach (var part in update.Split())
            part.add_(Normal(part.numel(), 7).view(part.shape) * (noise * part.square().mean().sqrt()));
        return new(images, new()
        {
            Model = model,
            Random = new RandomSource(2),
            Observation = new() { Update = update, Training = new FedSgd(), BatchSize = batch, Labels = labels },
        });
    }

    private sealed record Observed(Tensor Images, AttackContext Context) : IDisposable
    {
        public void Dispose()
        {
            Context.Dispose();
            Context.Model.Dispose();
        }
    }

    private static Tensor Normal(long count, ulong seed)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        return randn([count], ScalarType.Float64, generator: generator);
    }

    private static double Variation(Tensor images) =>
        images.diff(dim: 2).abs().sum().ToDouble() + images.diff(dim: 3).abs().sum().ToDouble();

    private static double Psnr(Tensor truth, Tensor seen) => -10 * Math.Log10((truth - seen).square().mean().ToDouble());
}
