using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Attacks.LayerByLayer;
using Afterimage.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

[Trait("Category", "slow")]
public class BestTests
{
    [Fact]
    public void The_first_layer_is_read_where_it_can_be()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 24 }, new(1, 8, 8), [3]);
        using var found = new Best().Run(client.Context);
        Assert.Equal("Bias attack", Chosen(found));
        Assert.InRange(client.Judge(found).Psnr[0], 90, double.PositiveInfinity);
    }

    [Fact]
    public void A_single_image_behind_convolutions_is_read_layer_by_layer()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(3, 16, 16), [3]);
        using var found = new Best().Run(client.Context);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.Equal("Recursion through the layers", Chosen(found));
        Assert.Contains(found.Evidence, note => note is MethodSkipped { Method: "Bias attack" });
        Assert.InRange(client.Judge(found).Psnr[0], 80, double.PositiveInfinity);
    }

    [Fact]
    public void Whoever_looks_on_hears_which_method_of_how_many_is_at_work()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(3, 16, 16), [3]);
        var phases = new List<Phase>();
        using var context = client.Context.Watched(phases.Add);
        using var found = new Best().Run(context);
        Assert.Equal(["searches", "Recursion through the layers, 4 of 9: searches"], phases.Select(phase => phase.Name));
    }

    [Fact]
    public void A_batch_behind_convolutions_is_left_to_second_order_and_the_notes_say_why()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(1, 8, 8), [3, 5]);
        using var found = new Best().Run(client.Context);
        Assert.Equal("Gauss-Newton", Chosen(found));
        Assert.Contains(found.Evidence, note => note is MethodSkipped { Method: "Recursion through the layers" } skipped
            && skipped.Reason.Contains("batch size 1", StringComparison.Ordinal));
    }

    [Fact]
    public void A_single_image_behind_a_residual_network_is_read_from_the_head_down()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(new ResNet { Depth = 20 }.Open(new(3, 16, 16), 10, new(1), ScalarType.Float32, CPU), [4]);
        using var found = new Best().Run(client.Context);
        Assert.Equal("Recursion through ReLU", Chosen(found));
        Assert.DoesNotContain(found.Evidence, note => note is MethodTried { Method: "Search from the head down" });
        Assert.True(client.Judge(found).Psnr[0] > 25, $"{client.Judge(found).Psnr[0]}\n{string.Join("\n", found.Evidence)}");
    }

    [Fact]
    public void A_time_ends_the_ladder_and_the_evidence_names_what_was_not_tried()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(1, 8, 8), [3, 5]);
        using var brief = client.Context.Within(1e-3);
        using var found = new Best().Run(brief);
        Assert.Equal(OutcomeKind.BudgetSpent, found.Outcome.Kind);
        Assert.Contains("--budget", found.Outcome.Advice, StringComparison.Ordinal);
        Assert.Contains(found.Evidence, note => note is MethodSkipped { Method: "Gradient matching" });
    }

    [Fact]
    public void A_model_of_unknown_layers_is_matched_by_distances_and_by_directions()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = SmallScript.Save(folder, "z = torch.cumsum(x, 1)\ny = torch.flatten(z, 1)", 108)
            .Open(SmallScript.Input, 4, new(1), ScalarType.Float32, CPU);
        Assert.Null(model.Network);
        using var context = new AttackContext
        {
            Model = model,
            Observation = new() { Update = new(model.Layout, ones(model.Layout.Count)), Training = new FedSgd(), BatchSize = 1 },
            Random = new(1),
        };
        var methods = BestPolicy.Methods(context, new RefinedCounts(), inverter: null)
            .Where(method => method.Obstacle is null && !method.IsExact);
        Assert.Equal(["Gradient matching", "Gradient matching by directions"], methods.Select(method => method.Name)
            .Where(name => name.StartsWith("Gradient", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_method_that_fails_does_not_end_the_ladder()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(3, 16, 16), [3]);
        var run = new AttackRun(client.Context, null, null, new(), default) { Sent = ScalarType.Float32 };
        using var ladder = new BestLadder(run, 2);
        Method[] methods = [new("Broken", new Broken()), new("Recursion", new RecursiveInversion())];
        ladder.Try(methods[0], methods);
        Assert.False(ladder.IsOver);
        ladder.Try(methods[1], methods[1..]);
        Assert.True(ladder.IsOver);
        Assert.NotNull(ladder.Result().Images);
        Assert.Contains(run.Evidence, note => note is MethodSkipped { Method: "Broken", Reason: "It failed: repeated eigenvalues." });
    }

    private static string Chosen(Reconstruction found) => found.Evidence.OfType<MethodTried>().Single(method => method.Chosen).Method;

    private sealed record Broken : Attack
    {
        protected override SearchResult Search(AttackRun run) => throw new InvalidOperationException("repeated eigenvalues");
    }
}
