using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Golden;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class PatchEmbeddingInversionTests
{
    [Theory]
    [InlineData(0), InlineData(1), InlineData(2)]
    public void One_image_is_read_in_closed_form_wherever_the_patches_stand(int classTokens)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(new Transformer(classTokens), [3]);
        using var found = new PatchEmbeddingInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 70, double.PositiveInfinity);
        Assert.Equal([3], found.Labels.Classes);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
    }

    [Fact]
    public void A_PyTorch_transformer_is_read_without_a_search()
    {
        using var scope = NewDisposeScope();
        var client = Recorded.Field("vit-tiny-b1");
        using var found = new PatchEmbeddingInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 90, double.PositiveInfinity);
        Assert.Equal(client.Labels, found.Labels.Classes);
    }

    [Fact]
    public void Batches_and_other_networks_are_refused_with_advice()
    {
        using var scope = NewDisposeScope();
        var batch = Simulated.Smooth(new Transformer(1), [3, 4]);
        Assert.Contains("gradient matching", new PatchEmbeddingInversion().Refusal(batch.Context));
        var other = Simulated.Batch(new LeNet(), new(3, 32, 32), [1]);
        Assert.Contains("best", new PatchEmbeddingInversion().Refusal(other.Context));
    }

    /// <summary>Tokens of 4 x 4 pixels that attend to one another once, in front of a linear head.</summary>
    private sealed class Transformer : VictimModel
    {
        private const int Width = 48, Side = 4;
        private readonly int classTokens;
        private readonly Tensor[] parameters;

        public Transformer(int classTokens)
            : base(new(3, 16, 16), 10, Normalization.None(3), ScalarType.Float32, CPU)
        {
            this.classTokens = classTokens;
            Layout = new([("cls", [1, 2, Width]), ("pos", [1, 16 + classTokens, Width]), ("patch.weight", [Width, 3, Side, Side]),
                ("patch.bias", [Width]), ("mix.weight", [Width, Width]), ("head.weight", [10, Width]), ("head.bias", [10])]);
            using var generator = new RandomSource(8).Generator(CPU);
            parameters = [.. Layout.Entries.Select(entry => (randn(entry.Shape, generator: generator) * 0.3).requires_grad_())];
        }

        public override TensorLayout Layout { get; }

        public override Network? Network => null;

        public override IReadOnlyList<Tensor> Parameters => parameters;

        public override IReadOnlyDictionary<string, Tensor> Buffers => new Dictionary<string, Tensor>();

        public override VictimModel To(ScalarType type, Device device) => throw new NotSupportedException();

        protected override Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? given, Tensor? masks, Trace? trace)
        {
            var p = given ?? parameters;
            var patches = nn.functional.conv2d(normalized, p[2], p[3], [Side, Side]).flatten(2).transpose(1, 2);
            var tokens = cat([p[0].narrow(1, 0, classTokens).expand(normalized.shape[0], -1, -1), patches], 1) + p[1];
            var mixed = tokens.matmul(tokens.transpose(1, 2)).div(7).softmax(2).matmul(tokens).matmul(p[4]).tanh() + tokens.tanh();
            return nn.functional.linear(mixed.mean([1]), p[5], p[6]);
        }
    }
}
