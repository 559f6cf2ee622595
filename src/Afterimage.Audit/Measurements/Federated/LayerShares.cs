using System.Collections.Immutable;
using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// How much each parameter tensor of an update tells: its share of the trace of the Fisher information at the true images, with noise in
/// units of the tensor's root mean square, by random directions (Hutchinson, 1990): the mean of |J u|^2 over the tensor.
/// </summary>
internal static class LayerShares
{
    private const int Directions = 4;

    /// <summary>None where the truth is unknown or the operator has no derivative along images.</summary>
    public static ImmutableArray<LayerLeak> Of(OpenCase opened)
    {
        if (opened.Round.Truth is not { } truth)
            return [];
        using var scope = Tidy.Scope();
        var (context, model) = (opened.Context, opened.Round.Model);
        var labels = new Labels(truth.Labels, Enumerable.Repeat(1.0, truth.Count).ToValueList()) { Soft = truth.Soft };
        var images = Tensors.From(truth.Images, model.Type, model.Device);
        var point = context.Operator.At(new(images, labels.Targets(model.Classes, model.Type, model.Device)));
        var sent = context.Observation.Update;
        var mask = context.Observation.Channel.Mask(sent);
        var entries = sent.Layout.Entries;
        var (told, norms) = (new double[entries.Count], new double[entries.Count]);
        using var generator = opened.Random.Derive("layers").Generator(CPU);
        for (var direction = 0; direction < Directions; direction++)
        {
            using var inner = Tidy.Scope();
            var u = (rand(images.shape, ScalarType.Float32, generator: generator).round() * 2 - 1).to(model.Type, model.Device);
            var change = point.Pushforward(u);
            var arrived = new GradientSet(sent.Layout, mask is null ? change.Flat : change.Flat * mask);
            for (var i = 0; i < entries.Count; i++)
            {
                norms[i] = sent[i].to(ScalarType.Float64).square().sum().ToDouble();
                var rms = norms[i] / entries[i].Count;
                told[i] += rms > 0 ? arrived[i].to(ScalarType.Float64).square().sum().ToDouble() / rms : 0;
            }
        }
        var (all, norm) = (told.Sum(), norms.Sum());
        return [.. entries.Select((entry, i) => new LayerLeak(entry.Name, all > 0 ? told[i] / all : 0, norm > 0 ? norms[i] / norm : 0))];
    }
}
