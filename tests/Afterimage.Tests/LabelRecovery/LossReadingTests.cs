using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Numerics.Arrays;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>The loss that nobody named is read from the head, or asked for.</summary>
public class LossReadingTests
{
    private static readonly DeadLeaves Leaves = new() { Shape = new(3, 16, 16), Count = 50 };

    [Theory]
    [InlineData(1.0)]
    [InlineData(10.0)]
    [InlineData(-0.1)]
    public void Binary_cross_entropy_of_several_labels_is_found_with_its_factor(double factor)
    {
        using var scope = NewDisposeScope();
        using var round = Open(1);
        var update = Update(round, new BinaryCrossEntropy(), 1, 4, 7).Scale(factor);
        var found = LossReading.Of(round.Model, update, 1);
        Assert.NotNull(found);
        Assert.Equal((new BinaryCrossEntropy(), true), (found.Loss, found.IsSure));
        Assert.Equal(factor, found.Scale.Factor, 1e-3 * Math.Abs(factor));
    }

    [Fact]
    public void A_squared_error_of_one_label_is_found()
    {
        using var scope = NewDisposeScope();
        using var round = Open(1);
        var found = LossReading.Of(round.Model, Update(round, new MeanSquared(), 3), 1);
        Assert.Equal((new MeanSquared(), true), (found?.Loss, found?.IsSure));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Cross_entropy_is_left_alone_smoothed_or_not(int batch)
    {
        foreach (var smoothing in (double[])[0, 0.1])
        {
            using var scope = NewDisposeScope();
            using var round = Open(batch, new CrossEntropy { Smoothing = smoothing });
            Assert.Null(LossReading.Of(round.Model, round.Update, batch));
        }
    }

    [Theory]
    [InlineData(1.0, 12)]
    [InlineData(0.01, 15)]
    [InlineData(-0.1, 17)]
    public void Rounding_of_a_certain_image_is_not_taken_for_another_loss(double factor, double certainty)
    {
        using var scope = NewDisposeScope();
        using var round = Open(1);
        var label = round.Truth!.Labels[0];
        using (no_grad())
            round.Model.Parameters[^1][label] += certainty;
        Assert.Null(LossReading.Of(round.Model, Update(round, new CrossEntropy(), label).Scale(factor), 1));
    }

    [Fact]
    public void Noise_is_not_taken_for_another_loss()
    {
        using var scope = NewDisposeScope();
        using var round = Open(1);
        foreach (var strength in (double[])[0.1, 1, 10])
            Assert.Null(LossReading.Of(round.Model, new GaussianNoise { Relative = strength }.Protect(round.Update, new(3)), 1));
    }

    [Fact]
    public void What_the_head_does_not_tell_is_asked_for_by_its_flag()
    {
        using var scope = NewDisposeScope();
        using var round = Open(1);
        Refusal.Says("--loss", () => LossReading.Of(round.Model, Update(round, new MeanSquared(), targets: [0.3, 1.7, -2, 0.4]), 1)!);
        using var several = Open(2, new BinaryCrossEntropy());
        Refusal.Says("--loss", () => LossReading.Of(several.Model, several.Update, 2)!);
    }

    [Theory]
    [InlineData(0.7, "mean-squared", false)]
    [InlineData(1.0, "binary-cross-entropy", true)]
    public void One_output_is_a_number_unless_a_binary_label_explains_it(double target, string loss, bool sure)
    {
        using var scope = NewDisposeScope();
        using var model = new Mlp { Width = 16 }.Open(new(1, 8, 8), 1, new(3), ScalarType.Float32, CPU);
        Loss lowered = loss == "mean-squared" ? new MeanSquared() : new BinaryCrossEntropy();
        for (var seed = 0UL; seed < 10; seed++)
        {
            using var generator = new RandomSource(seed).Generator(CPU);
            var images = rand([1, 1, 8, 8], generator: generator);
            var batch = new Batch(images, tensor(new[] { (float)target }).view(1, 1));
            var found = LossReading.Of(model, new FedSgd { Loss = lowered }.Train(model, batch, new(1)), 1);
            Assert.Equal((lowered, sure), (found?.Loss, found?.IsSure));
        }
    }

    [Fact]
    public void The_targets_of_one_image_follow_under_a_known_loss()
    {
        using var scope = NewDisposeScope();
        using var round = Open(1);
        foreach (var loss in (Loss[])[new BinaryCrossEntropy(), new MeanSquared(), new BinaryCrossEntropy { Reduction = Reduction.Sum }])
        {
            using var context = new AttackContext
            {
                Model = round.Model,
                Observation = new() { Update = Update(round, loss, 1, 4, 7), Training = new FedSgd { Loss = loss }, BatchSize = 1 },
                Random = new(1),
            };
            Assert.Equal([0, 1, 0, 0, 1, 0, 0, 1, 0, 0], new RefinedCounts().Recover(context).Soft!.Value);
        }
    }

    [Fact]
    public void Log_probabilities_are_seen_and_their_likelihood_is_cross_entropy()
    {
        using var scope = NewDisposeScope();
        using var round = Open(1);
        using var model = new LogSoftmax(round.Model);
        Assert.True(LossReading.AreLogProbabilities(model));
        Assert.False(LossReading.AreLogProbabilities(round.Model));
        var image = tensor(round.Truth!.Images[0].Pixels.ToArray()).view(1, 3, 16, 16);
        var batch = new Batch(image, new Labels(round.Truth.Labels, [1]).Targets(10, ScalarType.Float32, CPU));
        Assert.True(new FedSgd().Train(model, batch, new(1)).Flat.allclose(round.Update.Flat, 1e-4, 1e-6));
        using var told = new ClientRound
        {
            Model = model, Update = new FedSgd().Train(model, batch, new(1)), Training = new FedSgd(), BatchSize = 1,
            IsDescribed = false, IsLossDescribed = false, PublicImages = round.PublicImages, ClassNames = round.ClassNames,
        };
        Assert.Contains(new ThreatModel().Reveal(told).Readings, said => said.Contains("log-probabilities", StringComparison.Ordinal));
    }

    private sealed class LogSoftmax(VictimModel inner)
        : VictimModel(inner.Input, inner.Classes, inner.Normalization, inner.Type, inner.Device)
    {
        public override TensorLayout Layout => inner.Layout;

        public override Network? Network => null;

        public override IReadOnlyList<Tensor> Parameters => inner.Parameters;

        public override IReadOnlyDictionary<string, Tensor> Buffers => inner.Buffers;

        public override VictimModel To(ScalarType type, Device device) => new LogSoftmax(inner.To(type, device));

        protected override Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? parameters, Tensor? masks,
            Trace? trace) => inner.Logits(normalized, mode, parameters, masks).log_softmax(1);
    }

    private static ClientRound Open(int batch, Loss? loss = null) =>
        new SimulatedClient { Data = Leaves, BatchSize = batch, Training = new FedSgd { Loss = loss ?? new CrossEntropy() } }
            .Open(new LeNet(), 0, new RandomSource(2), CPU);

    private static GradientSet Update(ClientRound round, Loss loss, params int[] labels) =>
        Update(round, loss, [.. Enumerable.Range(0, round.Model.Classes).Select(c => labels.Contains(c) ? 1.0 : 0)]);

    private static GradientSet Update(ClientRound round, Loss loss, double[] targets)
    {
        var row = zeros(1, round.Model.Classes);
        for (var c = 0; c < targets.Length; c++)
            row[0, c] = targets[c];
        var image = tensor(round.Truth!.Images[0].Pixels.ToArray()).view(1, 3, 16, 16);
        return new FedSgd { Loss = loss }.Train(round.Model, new(image, row), new(1));
    }
}
