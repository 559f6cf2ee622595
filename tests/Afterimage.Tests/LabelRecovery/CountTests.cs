using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Federation;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>Counts of repeated labels, what they rest on, and updates from which there is nothing to read.</summary>
[Trait("Category", "slow")]
public class CountTests
{
    private static readonly LeNet Small = new() { Initialization = LeNetInitialization.Default };

    private static IEnumerable<LabelRule> Rules => Parts.Catalog.Parts(typeof(LabelRule))
        .Where(part => part != typeof(Given)).Select(part => (LabelRule)Parts.Default(part));

    [Theory]
    [InlineData(new[] { 3 })]
    [InlineData(new[] { 5, 5 })]
    [InlineData(new[] { 1, 1, 1, 4, 4, 9, 9, 9 })]
    [InlineData(new[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 6, 6, 8 })]
    [InlineData(new[] { 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9 })]
    public void Repeats_are_counted_and_sure(int[] truth)
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(Small, truth);
        var found = new RefinedCounts().Recover(context);
        Assert.Equal(truth, found.Classes);
        Assert.Equal(Batches.Classes, found.Counts.Count);
        Assert.All(found.Counts, count => Assert.Equal(truth.Count(label => label == count.Class), count.Count));
        Assert.All(found.Counts, count => Assert.InRange(count.Confidence, 0.9, 1));
        Assert.NotEmpty(found.Reasons);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Local_steps_are_counted(int epochs)
    {
        using var scope = NewDisposeScope();
        int[] truth = [7, 2, 2, 7, 7, 0, 7, 2, 7, 7, 2, 0];
        var training = new FedAvg { Epochs = epochs, BatchSize = 4, LearningRate = 0.002 };
        foreach (var rule in (LabelRule[])[new RefinedCounts(), new UpdateCounts()])
        {
            using var context = Batches.Of(Small, truth, training);
            Assert.Equal(truth.Order(), rule.Recover(context).Classes);
        }
    }

    [Fact]
    public void Features_belong_to_the_images_that_the_head_saw()
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(new Mlp { Activation = ActivationKind.Tanh }, [1, 4, 4]);
        var found = new RefinedCounts().Recover(context);
        Assert.Equal(3 * 256, found.Features!.Value.Count);
        var features = tensor(found.Features.Value.ToArray(), [3, 256], ScalarType.Float64);
        var (weight, bias) = context.Model.Head!.Value;
        Tensor Wide(Tensor values) => values.to(ScalarType.Float64);
        var logits = features.matmul(Wide(context.Model.Parameters[weight]).t()) + Wide(context.Model.Parameters[bias!.Value]);
        var errors = logits.softmax(1) - found.Targets(Batches.Classes, ScalarType.Float64, CPU);
        var observed = Wide(context.Observation.Update[weight]);
        Assert.InRange(((errors.t().matmul(features) / 3 - observed).norm() / observed.norm()).ToDouble(), 0, 1e-3);
    }

    [Fact]
    public void A_head_without_a_bias_is_counted_too()
    {
        using var scope = NewDisposeScope();
        int[] truth = [1, 1, 1, 4, 4, 9, 9, 9, 9, 9, 9, 9];
        using var context = Batches.Of(Headless(), truth, new FedSgd());
        foreach (var rule in (LabelRule[])[new RefinedCounts(), new InstanceCounts(), new RowSums { Dummy = true }])
            Assert.Equal(truth, rule.Recover(context).Classes);
    }

    [Fact]
    public void A_separating_hyperplane_finds_the_classes_whatever_the_activation()
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(new Mlp { Activation = ActivationKind.Tanh }, [0, 3, 3, 8]);
        var found = new SeparatingHyperplane().Recover(context);
        Assert.Equal([0, 3, 8], found.Classes.Distinct());
        using var many = Batches.Of(new Mlp(), [.. Enumerable.Range(0, 24).Select(i => i % 3)]);
        Assert.Contains(new SeparatingHyperplane().Recover(many).Reasons,
            reason => reason.Contains("needs fewer images", StringComparison.Ordinal));
    }

    [Fact]
    public void Distinct_labels_have_the_lowest_rows()
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(Small, [2, 5, 6]);
        foreach (var rule in (LabelRule[])[new MinimumRow(), new RowSums(), new RowSums { Dummy = true }, new BiasCorrected()])
            Assert.Equal([2, 5, 6], rule.Recover(context).Classes);
    }

    [Theory]
    [InlineData(40, 10)]
    [InlineData(12, 1)]
    public void Every_rule_answers_more_images_than_classes(int batch, int classes)
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(Small, [.. Enumerable.Range(0, batch).Select(i => i % classes)]);
        foreach (var rule in Rules)
            Answers(rule, context, batch);
    }

    [Fact]
    public void A_zero_update_is_a_guess_without_confidence()
    {
        using var scope = NewDisposeScope();
        using var context = Replaced(0);
        foreach (var rule in Rules)
            if (Answers(rule, context, 4) is { Counts.Count: > 0 } found)
                Assert.All(found.Counts, count => Assert.InRange(count.Confidence, 0, 0.5));
    }

    [Fact]
    public void Not_a_number_is_refused_with_advice()
    {
        using var scope = NewDisposeScope();
        using var context = Replaced(double.NaN);
        foreach (var rule in Rules.Where(rule => rule is not Joint))
            Refusal.Says(rule is Idlg ? "use \"refined-counts\"" : "NaN", () => rule.Recover(context));
    }

    [Fact]
    public void An_update_of_another_model_is_refused_before_libtorch_sees_it()
    {
        using var scope = NewDisposeScope();
        using var model = Small.Open(new(3, 32, 32), Batches.Classes, new RandomSource(3), ScalarType.Float32, CPU);
        using var other = new LeNet().Open(new(3, 16, 16), Batches.Classes, new RandomSource(3), ScalarType.Float32, CPU);
        using var crossed = new AttackContext
        {
            Model = model,
            Observation = new() { Update = new(other.Layout, ones([other.Layout.Count])), Training = new FedSgd(), BatchSize = 2 },
            Random = new RandomSource(1),
        };
        foreach (var rule in Rules.Where(rule => rule is not (Joint or Idlg)))
            Refusal.Says("is not of this model", () => rule.Recover(crossed));
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.1)]
    public void Noise_that_clients_add_is_no_sign_of_a_class(double noise)
    {
        using var scope = NewDisposeScope();
        foreach (var labels in (int[][])[[3, 3], [1, 4, 6, 9], [7, 7, 7, 7]])
        {
            using var exact = Batches.Of(new LeNet(), labels);
            using var context = new AttackContext
            {
                Model = exact.Model,
                Observation = new()
                {
                    Update = Batches.Noisy(exact.Observation.Update, noise),
                    Training = new FedSgd(),
                    BatchSize = labels.Length,
                    Channel = new GaussianNoise { Relative = noise }.Known(),
                },
                Random = new RandomSource(1),
            };
            Assert.Equal(labels, new RefinedCounts().Recover(context).Classes);
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(PytorchProblem.Names), MemberType = typeof(PytorchProblem))]
    public void Updates_of_PyTorch_clients_are_right_or_uncertain(string name)
    {
        using var scope = NewDisposeScope();
        var problem = PytorchProblem.Load(name);
        var description = problem.Description;
        using var model = new TorchScriptFile(problem.ModelPath) { Normalization = description.Normalization }
            .Open(description.Input!.Value, description.Classes!.Value, new RandomSource(0), ScalarType.Float32, CPU);
        using var context = new AttackContext
        {
            Model = model,
            Observation = new()
            {
                Update = problem.Update.Match(model.Layout, ScalarType.Float32, CPU),
                Training = description.Training!,
                BatchSize = description.BatchSize!.Value,
            },
            Random = new RandomSource(1),
        };
        var found = new RefinedCounts().Recover(context);
        foreach (var count in found.Counts)
            Assert.True(count.Count == problem.Labels.Count(label => label == count.Class) || count.Confidence < 0.9,
                $"class {count.Class} was counted {count.Count} times at {count.Confidence:P0}; the labels are {problem.Labels}.");
        var confidence = string.Join(" ", found.Counts.Select(count => $"{count.Confidence:0.00}"));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{name}: {found.Classes} of {problem.Labels.Order().ToValueList()}, {confidence}");
    }

    private static Labels? Answers(LabelRule rule, AttackContext context, int batch)
    {
        try
        {
            var found = rule.Recover(context);
            Assert.Equal(batch, found.Classes.Count);
            Assert.All(found.Classes, label => Assert.InRange(label, 0, Batches.Classes - 1));
            Assert.All(found.Confidence, confidence => Assert.InRange(confidence, 0, 1));
            return found;
        }
        catch (AfterimageException refusal)
        {
            Assert.EndsWith(".", refusal.Message, StringComparison.Ordinal);
            return null;
        }
    }

    private static AttackContext Replaced(double value)
    {
        var model = Small.Open(new(3, 32, 32), Batches.Classes, new RandomSource(3), ScalarType.Float32, CPU);
        return new()
        {
            Model = model,
            Observation = new() { Update = new(model.Layout, full([model.Layout.Count], value)), Training = new FedSgd(), BatchSize = 4 },
            Random = new RandomSource(1),
        };
    }

    private static NetworkModel Headless()
    {
        using var whole = (NetworkModel)Small.Open(new(3, 32, 32), Batches.Classes, new RandomSource(3), ScalarType.Float32, CPU);
        var head = new Linear("fc.0", 768, Batches.Classes, Bias: false);
        var network = whole.Network with { Layers = [.. whole.Network.Layers.SkipLast(1), head] };
        return new(network, whole.Normalization, [.. whole.Parameters.SkipLast(1).Select(parameter => parameter.detach().clone())], []);
    }
}
