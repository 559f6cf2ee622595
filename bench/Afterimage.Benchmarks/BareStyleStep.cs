using Afterimage.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>
/// The operations of one adversarial training step of an unconditional style generator, called one after the other: what libtorch costs
/// without streams of random numbers, named views, tasks and trainer.
/// </summary>
internal sealed class BareStyleStep : IDisposable
{
    private const double Leak = 0.2, Rate = 5e-4, Penalty = 0.1;
    private static readonly double Gain = Math.Sqrt(2 / 1.04);
    private readonly StyleShape shape;
    private readonly Tensor bytes;
    private readonly Player generator;
    private readonly Player judge;
    private readonly int batch;
    private int step;

    public BareStyleStep(StyleShape shape, Tensor bytes, int batch)
    {
        (this.shape, this.bytes, this.batch) = (shape, bytes, batch);
        generator = new(StyleGenerator.Untrained(shape, new(1)).Flat, shape.Layout);
        var discriminator = new Discriminator(shape);
        judge = new(discriminator.Initial(new(2)), discriminator.Layout);
    }

    /// <summary>Weights, their average and the means of Adam.</summary>
    private sealed class Player(Tensor flat, Numerics.TensorLayout layout) : IDisposable
    {
        private readonly Tensor average = flat.clone(), first = zeros_like(flat), second = zeros_like(flat);
        private readonly long[] sizes = [.. layout.Entries.Select(entry => entry.Count)];

        public Tensor Leaf() => flat.detach().requires_grad_();

        public Dictionary<string, Tensor> Parts(Tensor leaf) => leaf.split(sizes).Zip(layout.Entries)
            .ToDictionary(pair => pair.Second.Name, pair => pair.First.view(pair.Second.Shape));

        public void Move(Tensor gradient, int number)
        {
            first.mul_(0).add_(gradient);
            second.mul_(0.99).addcmul_(gradient, gradient, value: 0.01);
            flat.addcdiv_(first, second.sqrt().div_(Math.Sqrt(1 - Math.Pow(0.99, number))).add_(1e-8), value: -Rate);
            average.lerp_(flat, 0.005);
        }

        public void Dispose()
        {
            flat.Dispose();
            average.Dispose();
            first.Dispose();
            second.Dispose();
        }
    }

    public void Run()
    {
        using var scope = NewDisposeScope();
        var real = bytes.index_select(0, randint(0, bytes.shape[0], [batch], ScalarType.Int64)).to_type(ScalarType.Float32) / 255;
        real = where(rand(batch, 1, 1, 1).lt(0.5), real.flip(3), real);
        var (weights, judgment) = (generator.Leaf(), judge.Leaf());
        var made = Made(generator.Parts(weights));
        var penalized = step % 4 == 0;
        var shown = penalized ? (cat([real, made.detach()]) * 2 - 1).requires_grad_() : cat([real, made]) * 2 - 1;
        var scores = Scores(judge.Parts(judgment), shown);
        var margin = scores.narrow(0, 0, batch) - scores.narrow(0, batch, batch);
        var total = nn.functional.softplus(-margin).mean();
        if (penalized)
        {
            var slope = autograd.grad([scores.sum()], [shown], null, true, true, true)[0];
            total = total + slope.square().sum() * (Penalty * 2 / batch);
            scores = Scores(judge.Parts(judgment.detach()), cat([real, made]) * 2 - 1);
            margin = scores.narrow(0, 0, batch) - scores.narrow(0, batch, batch);
        }
        var judged = autograd.grad([total], [judgment], null, true, false, true)[0];
        var generated = autograd.grad([nn.functional.softplus(margin).mean()], [weights], null, true, false, true)[0];
        step++;
        judge.Move(judged, step);
        generator.Move(generated, step);
        total.ToDouble();
    }

    private Tensor Made(Dictionary<string, Tensor> p)
    {
        var w = randn(batch, shape.Latent);
        w = w * (w.square().mean([1], keepdim: true) + 1e-8).rsqrt();
        for (var layer = 0; layer < shape.Mapping; layer++)
            w = nn.functional.leaky_relu(nn.functional.linear(w, p[$"mapping{layer}.weight"], p[$"mapping{layer}.bias"]), Leak);
        Tensor Style(string name) =>
            nn.functional.linear(w, p[$"{name}.style.weight"], p[$"{name}.style.bias"]).unsqueeze(2).unsqueeze(3) + 1;
        Tensor Convolved(Tensor maps, string name)
        {
            var style = Style(name);
            var norm = (nn.functional.linear(style.flatten(1).square(), p[$"{name}.weight"].square().sum([2, 3])) + 1e-8).rsqrt();
            return nn.functional.conv2d(maps * style, p[$"{name}.weight"], null, padding: [1L, 1])
                * (norm * Gain).unsqueeze(2).unsqueeze(3);
        }
        Tensor Activated(Tensor maps, string name) => nn.functional.leaky_relu(maps
            + randn(batch, 1, maps.shape[2], maps.shape[3]) * (p[$"{name}.noise"] * 0.1) + p[$"{name}.bias"].view(1, -1, 1, 1), Leak);
        var (features, colors) = (p["constant"].expand(batch, -1, -1, -1), (Tensor?)null);
        foreach (var side in shape.Sides)
        {
            if (side > 4)
                features = Activated(Resizing.Doubled(Convolved(features, $"up{side}")), $"up{side}");
            features = Activated(Convolved(features, $"conv{side}"), $"conv{side}");
            var added = nn.functional.conv2d(features * Style($"rgb{side}"), p[$"rgb{side}.weight"], p[$"rgb{side}.bias"]);
            colors = colors is null ? added : Resizing.Doubled(colors) + added;
        }
        return colors!.sigmoid();
    }

    private Tensor Scores(Dictionary<string, Tensor> p, Tensor images)
    {
        Tensor Convolved(Tensor maps, string name) => nn.functional.leaky_relu(
            nn.functional.conv2d(maps, p[$"{name}.weight"], p[$"{name}.bias"], padding: [1L, 1]), Leak);
        var features = nn.functional.leaky_relu(nn.functional.conv2d(images, p["rgb.weight"], p["rgb.bias"]), Leak);
        foreach (var side in shape.Sides.Skip(1).Reverse())
        {
            var changed = Convolved(Resizing.Halved(Convolved(features, $"first{side}")), $"second{side}");
            features = (changed + nn.functional.conv2d(Resizing.Halved(features), p[$"skip{side}.weight"])) * Math.Sqrt(0.5);
        }
        return nn.functional.linear(Convolved(features, "last").flatten(1), p["head.weight"]).sum([1]);
    }

    public void Dispose()
    {
        generator.Dispose();
        judge.Dispose();
    }
}
