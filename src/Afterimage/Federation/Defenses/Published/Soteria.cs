using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Soteria (Sun et al., CVPR 2021): columns of the gradient of the last linear layer are zeroed whose feature r carries most of the image,
/// that is, whose ratio |dr/dx| / |r|, summed over the batch, is smallest. An attacker sees the zero columns and compares the rest.
/// </summary>
[Cites("sun2021soteria")]
public sealed record Soteria : Defense
{
    /// <summary>The share of the features whose columns are zeroed, in [0,1]; 0 zeroes none, 1 the whole weight.</summary>
    [Range(0, 1)]
    public double Share { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (Share == 0)
            return update;
        var (model, batch, training, _) = LocalRound.Needed(round, "soteria");
        var head = Head(model);
        var ratios = Ratios(model, batch, training.Mode);
        var pruned = ratios.argsort().narrow(0, 0, (long)Math.Ceiling(Share * ratios.numel()));
        var sent = new GradientSet(update.Layout, update.Flat.clone());
        sent[head].index_fill_(1, pruned, 0);
        return sent;
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Share == 0 ? Channel.None : new Columns(Share, model is null ? null : Head(model));
    }

    /// <summary>|dr/dx| / |r| for every feature, summed over the images, [features].</summary>
    internal static Tensor Ratios(VictimModel model, Batch batch, ModelMode mode)
    {
        var images = batch.Inputs.detach().requires_grad_();
        var trace = new Trace();
        model.Logits(images, mode, trace: trace);
        var features = trace.Features ?? throw Headless();
        var ratios = zeros([features.shape[1]], model.Type, model.Device);
        for (var f = 0L; f < features.shape[1]; f++)
        {
            using var scope = Tidy.Scope();
            var slope = Differentiate.Gradients(features.select(1, f).sum(), [images])[0].flatten(1).norm(1);
            ratios[f] = (slope / features.detach().select(1, f).abs().clamp_min(1e-12)).sum();
        }
        return ratios;
    }

    private static int Head(VictimModel model) => model.Network is not null && model.Head is { } head ? head.Weight : throw Headless();

    private static AfterimageException Headless() => new(
        "\"soteria\" prunes the last linear layer, and this model has none that is known: use a model of known layers.");

    /// <param name="share">Of columns that were zeroed.</param>
    /// <param name="head">The place of the weight; null where no model was given.</param>
    private sealed class Columns(double share, int? head) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Missing;

        public override string Description =>
            FormattableString.Invariant($"in whose last layer the columns of {100 * share:0.###} % of the features were zeroed (Soteria)");

        public override Tensor? Mask(GradientSet sent)
        {
            var mask = ones_like(sent.Flat);
            if (head is { } place)
            {
                var entry = sent.Layout.Entries[place];
                mask.narrow(0, entry.Offset, entry.Count).view(entry.Shape)
                    .copy_(sent[place].ne(0).any(0, keepdim: true).to(mask.dtype).expand(entry.Shape));
            }
            return mask;
        }

        // The columns that arrived are no worse a guess than any.
        public override double Withheld(GradientSet sent, int tensor)
        {
            if (tensor != head)
                return 0;
            using var scope = Tidy.Scope();
            return share >= 1 ? 0 : Math.Sqrt(share / (1 - share) * sent[tensor].to(ScalarType.Float64).square().mean().ToDouble());
        }

        public override bool Lacks(GradientSet sent, int tensor) => tensor == head && share >= 1;
    }
}
