using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

public class StackedRoundTests
{
    private static readonly ImageShape Shape = new(1, 5, 5);

    [Fact]
    public void The_operator_of_several_rounds_is_those_of_the_rounds_one_above_the_other()
    {
        using var scope = NewDisposeScope();
        using var first = Model(1);
        using var later = new LaterRounds([Model(2), Model(3)]);
        var (batch, training) = (Batch(2), new FedSgd());
        using var context = Context(first, later, training, batch, new NormBound { Bound = 0.5 });
        var all = new[] { first, later.Models[0], later.Models[1] };
        var point = context.Operator.At(batch);
        var bound = new NormBound { Bound = 0.5 };
        var slow = cat([.. all.Select(model => bound.Protect(training.Train(model, batch, new(1)), new(1)).Flat)]);
        Near(slow, point.Value.Flat);
        // <v, Ju> = <J'v, u>, and Ju by differences.
        var (u, v) = (randn_like(batch.Inputs), new GradientSet(point.Value.Layout, randn_like(point.Value.Flat)));
        var along = point.Pushforward(u).Flat;
        Assert.Equal(along.dot(v.Flat).ToDouble(), (point.Pullback(v).Inputs * u).sum().ToDouble(), 1e-9);
        const double Step = 1e-5;
        var difference = (context.Operator.At(new(batch.Inputs + u * Step, batch.Targets)).Value.Flat
            - context.Operator.At(new(batch.Inputs - u * Step, batch.Targets)).Value.Flat) / (2 * Step);
        Near(difference, along, 1e-6);
        Assert.Equal(0, context.Observation.Misfit(context.Predict(batch.Inputs, Labels(2))), 1e-9);
    }

    [Fact]
    public void The_channel_of_several_rounds_is_that_of_each()
    {
        using var scope = NewDisposeScope();
        using var model = Model(1);
        var (defense, layout) = (new TopK { Share = 0.2 }, model.Layout);
        GradientSet[] sent = [.. Enumerable.Range(1, 2).Select(seed =>
            defense.Protect(new(layout, randn([layout.Count], ScalarType.Float64) * seed), new(1)))];
        var stacked = LaterRounds.Stack(sent);
        var (one, both) = (defense.Known(), StackedChannel.Of(defense.Known(), layout, 2));
        Near(cat([.. sent.Select(update => one.Mask(update)!)]), both.Mask(stacked)!);
        for (var tensor = 0; tensor < 2 * layout.Entries.Count; tensor++)
            Assert.Equal(one.Withheld(sent[tensor / layout.Entries.Count], tensor % layout.Entries.Count),
                both.Withheld(stacked, tensor), 1e-12);
        var noise = new GaussianNoise { Relative = 0.1 }.Known();
        Assert.Equal(noise.Floor(sent[0]), StackedChannel.Of(noise, layout, 2).Floor(stacked), 1e-9);
        Assert.Same(Channel.None, StackedChannel.Of(Channel.None, layout, 2));
    }

    [Fact]
    public void Rounds_together_tell_more_than_one()
    {
        using var scope = NewDisposeScope();
        // One round of so small a network has fewer numbers than the images have pixels.
        using var first = Model(1, width: 2);
        using var later = new LaterRounds([Model(2, width: 2), Model(3, width: 2), Model(4, width: 2)]);
        var batch = Batch(2);
        double Error(LaterRounds? rounds)
        {
            using var context = Context(first, rounds, new FedSgd(), batch, new None(), given: true);
            using var found = new GaussNewton { Restarts = 1, Steps = 25, SplitHead = false, Labels = new Given() }.Run(context);
            Assert.NotEqual(OutcomeKind.Refused, found.Outcome.Kind);
            return (found.Images.to(ScalarType.Float64) - batch.Inputs).square().mean().ToDouble();
        }
        Assert.True(Error(later) < 0.1 * Error(null));
    }

    [Fact]
    public void An_attack_that_reads_one_round_says_so()
    {
        using var scope = NewDisposeScope();
        using var first = Model(1);
        using var later = new LaterRounds([Model(2)]);
        using var context = Context(first, later, new FedSgd(), Batch(1), new None());
        using var found = new LinearLayerInversion().Run(context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains("several rounds", found.Outcome.Advice, StringComparison.Ordinal);
    }

    private static VictimModel Model(ulong seed, int width = 6) => new Mlp { Depth = 2, Width = width, Activation = ActivationKind.Sigmoid }
        .Open(Shape, 3, new(seed), ScalarType.Float64, CPU);

    private static Labels Labels(int count) =>
        new(Enumerable.Range(0, count).ToValueList(), Enumerable.Repeat(1.0, count).ToValueList());

    private static Batch Batch(int count)
    {
        using var generator = new RandomSource(9).Generator(CPU);
        return new(rand([count, 1, 5, 5], ScalarType.Float64, CPU, generator: generator),
            Labels(count).Targets(3, ScalarType.Float64, CPU));
    }

    private static AttackContext Context(VictimModel first, LaterRounds? later, LocalTraining training, Batch batch, Defense defense,
        bool given = false)
    {
        VictimModel[] all = [first, .. later?.Models ?? []];
        return new()
        {
            Model = first,
            Observation = new()
            {
                Update = LaterRounds.Stack([.. all.Select(model => defense.Protect(training.Train(model, batch, new(1)), new(2)))]),
                Training = training,
                BatchSize = batch.Count,
                Later = later,
                Labels = given ? Labels(batch.Count).Classes : null,
                Channel = StackedChannel.Of(defense.Known(), first.Layout, all.Length),
            },
            Random = new(5),
            OperatorChoice = OperatorChoice.Autograd,
        };
    }

    private static void Near(TorchSharp.torch.Tensor expected, TorchSharp.torch.Tensor found, double tolerance = 1e-9) =>
        Assert.True((expected.to(ScalarType.Float64) - found.to(ScalarType.Float64)).abs().max().ToDouble() < tolerance);
}
