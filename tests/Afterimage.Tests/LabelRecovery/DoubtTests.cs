using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>
/// How sure of labels an attacker may be whose update is not what it is taken for: scaled, negated, noisy, compressed, weights, or of
/// another model. What is called sure must be right as often as it says.
/// </summary>
[Trait("Category", "slow")]
public class DoubtTests
{
    private const int Clients = 33;

    private static readonly string[] Ways =
        ["plain", "scaled", "negated", "noise", "strong noise", "top-k", "float16", "int8", "sign", "weights", "other model"];

    private static readonly int[] Batches = [1, 3, 8];

    [Fact]
    public void What_is_called_sure_is_right()
    {
        var (sure, right, proved, wrong) = (0, 0, 0, new List<string>());
        for (var client = 0; client < Clients; client++)
        {
            using var scope = NewDisposeScope();
            var (way, batch) = (Ways[client % Ways.Length], Batches[client / Ways.Length % Batches.Length]);
            ModelSource model = client % 2 == 0 ? new LeNet() : new Mlp { Depth = 3, Width = 64, Activation = ActivationKind.Sigmoid };
            using var honest = Open(model, batch, (ulong)client);
            using var other = way == "other model" ? Open(model, batch, (ulong)client + 1000) : null;
            var update = Sent(honest, other, way, client);
            using var context = new AttackContext
            {
                Model = honest.Model,
                Observation = new ThreatModel().Reveal(new()
                {
                    Model = honest.Model,
                    Update = update,
                    Training = new FedSgd(),
                    IsDescribed = false,
                    BatchSize = batch,
                    PublicImages = honest.PublicImages,
                    ClassNames = honest.ClassNames,
                }),
                Random = new((ulong)client),
            };
            var truth = (other ?? honest).Labels!.Value;
            foreach (var count in new RefinedCounts().Recover(context).Counts.Where(count => count.Confidence >= 0.95))
            {
                var isRight = truth.Count(label => label == count.Class) == count.Count;
                sure++;
                right += isRight ? 1 : 0;
                proved += count.Confidence == 1 ? 1 : 0;
                if (!isRight && count.Confidence == 1)
                    wrong.Add($"client {client}: {way}, {batch} images, class {count.Class}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{right} of {sure} counts called sure are right; {proved} called certain");
        Assert.Empty(wrong);
        Assert.True(right >= 0.95 * sure, $"{right} of {sure}");
    }

    private static ClientRound Open(ModelSource model, int batch, ulong seed) =>
        new SimulatedClient { Data = new DeadLeaves { Shape = new(3, 16, 16), Count = 300 }, BatchSize = batch }
            .Open(model, 0, new RandomSource(seed), CPU);

    private static GradientSet Sent(ClientRound round, ClientRound? other, string way, int client)
    {
        var update = round.Update;
        return way switch
        {
            "scaled" => update.Scale(Math.Pow(10, client % 7 - 3)),
            "negated" => update.Scale(-0.3),
            "noise" => new GaussianNoise { Relative = 0.1 }.Protect(update, new((ulong)client)),
            "strong noise" => new GaussianNoise { Absolute = 1 }.Protect(update, new((ulong)client)),
            "top-k" => new TopK { Share = 0.05 }.Protect(update, new((ulong)client)),
            "float16" => new ReducedPrecision().Protect(update, new((ulong)client)),
            "int8" => GradientSet.Gather(update.Layout, [.. update.Split().Select(part =>
            {
                var step = part.abs().max() / 127;
                return (part / step).round() * step;
            })]),
            "sign" => new(update.Layout, update.Flat.sign()),
            "weights" => GradientSet.Gather(update.Layout, [.. round.Model.Parameters.Select(weights => weights.detach())]),
            "other model" => other!.Update,
            _ => update,
        };
    }
}
