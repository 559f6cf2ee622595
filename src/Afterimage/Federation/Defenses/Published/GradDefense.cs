using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The perturbation of GradDefense (Wang et al., INFOCOM 2022): the update is cut into slices of equal sensitivity, where the sensitivity
/// of a tensor g is the mean over the images of |d(sum of g)/dx|, and random slices get Gaussian noise. The published compensation is a
/// denoising at the server, which an attacker has as well. An attacker does not know which slices were drawn, and takes the mean noise.
/// </summary>
[Cites("wang2022protect")]
public sealed record GradDefense : Defense
{
    /// <summary>Slices of equal sensitivity.</summary>
    [Range(1, 1000)]
    public int Slices { get; init; } = 10;

    /// <summary>Slices that get noise, up to all.</summary>
    [Range(0, 1000)]
    public int Perturbed { get; init; } = 5;

    /// <summary>Deviation of the noise in the units of the update; 0 adds none.</summary>
    [Range(0, 1e9)]
    public double Deviation { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (IsIdentity)
            return update;
        var client = LocalRound.Needed(round, "grad-defense");
        var bounds = Bounds(update.Layout, Sensitivities(client), Slices);
        var chosen = Enumerable.Range(0, Slices).ToArray();
        random.Derive("slices").Managed().Shuffle(chosen);
        using var generator = random.Derive("noise").Generator(CPU);
        var sent = new GradientSet(update.Layout, update.Flat.clone());
        foreach (var slice in chosen.Take(Perturbed).Order())
        {
            var part = sent.Flat.narrow(0, bounds[slice], bounds[slice + 1] - bounds[slice]);
            part.add_(randn(part.shape, part.dtype, CPU, generator: generator).to(part.device) * Deviation);
        }
        return sent;
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return IsIdentity ? Channel.None
            : new NoiseChannel($"Gaussian ({Math.Min(Perturbed, Slices)} of {Slices} slices)", 0,
                Deviation * Math.Sqrt(Math.Min(1, (double)Perturbed / Slices)));
    }

    private bool IsIdentity => Deviation == 0 || Perturbed == 0;

    /// <summary>Mean over the images of |d(sum of a tensor's gradient)/dx|, tensor by tensor.</summary>
    internal static double[] Sensitivities(LocalRound client)
    {
        using var scope = Tidy.Scope();
        var leaves = client.Batch.Leaves();
        return [.. client.Training.Update(client.Model, leaves, RandomChoices.None).Select(part =>
            Differentiate.Gradients(part.sum(), [leaves.Inputs])[0].flatten(1).norm(1).mean().to(ScalarType.Float64).ToDouble())];
    }

    /// <summary>Where slices begin and end: a tensor's sensitivity is spread evenly over its numbers.</summary>
    internal static long[] Bounds(TensorLayout layout, double[] sensitivities, int slices)
    {
        var total = sensitivities.Sum();
        if (!(total > 0))
            return [.. Enumerable.Range(0, slices + 1).Select(slice => layout.Count * slice / slices)];
        var bounds = new long[slices + 1];
        var (slice, before) = (1, 0.0);
        foreach (var (entry, own) in layout.Entries.Zip(sensitivities))
        {
            for (; slice < slices && own > 0 && before + own >= total * slice / slices; slice++)
                bounds[slice] = entry.Offset + (long)((total * slice / slices - before) / own * entry.Count);
            before += own;
        }
        for (; slice < slices; slice++)
            bounds[slice] = layout.Count;
        bounds[slices] = layout.Count;
        return bounds;
    }
}
