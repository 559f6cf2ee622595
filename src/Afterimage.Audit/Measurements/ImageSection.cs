using System.Collections.Immutable;
using System.Globalization;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>The images of one case as plain data, each beside the truth where it is known, and their pictures as files.</summary>
internal static class ImageSection
{
    /// <param name="opened">The case.</param>
    /// <param name="found">What came back.</param>
    /// <param name="images">Its images, one array each.</param>
    /// <param name="judgment">How they compare with the truth; null without it.</param>
    /// <param name="path">Images on the way, each with its iteration.</param>
    public static ImmutableArray<ImageReport> Of(OpenCase opened, Reconstruction found, float[][] images, Judgment? judgment,
        IReadOnlyList<(int Iteration, float[][] Images)> path)
    {
        var round = opened.Round;
        var words = new TargetText(round.ClassNames);
        // One class is not the truth of an image with several labels.
        var isUntold = round.Truth?.Soft is null && !words.AreClasses(found.Labels.Soft);
        var pictures = new Pictures(opened.Options.Folder, opened.Case.Id, round.Model.Input);
        return [.. Enumerable.Range(0, judgment?.Images.Count ?? images.Length).Select(i =>
        {
            var judged = judgment?.Images[i];
            var source = judged?.Reconstruction ?? i;
            var missing = source == JudgedImage.Missing;
            return new ImageReport
            {
                Index = i,
                RecoveredLabel = missing ? "none" : words.Of(found.Labels.Classes[source], found.Labels.Soft, source),
                Confidence = missing ? 0 : found.Labels.Confidence[source],
                TrueLabel = judged is null || isUntold ? null : words.Of(judged.TrueLabel, round.Truth?.Soft, judged.Index),
                Metrics = judged?.Metrics ?? ImmutableSortedDictionary<string, double>.Empty,
                Baselines = judged?.Baselines ?? ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>>.Empty,
                Truth = round.Truth is { } truth ? pictures.Write($"truth-{i}", truth.Images[i].Pixels) : null,
                Reconstruction = pictures.Write($"reconstruction-{i}",
                    missing ? Enumerable.Repeat(0.5f, images[0].Length).ToArray() : images[source]),
                Path = missing ? [] : [.. path.Select(step => new PathStep(step.Iteration,
                    pictures.Write(string.Create(CultureInfo.InvariantCulture, $"path-{i}-{step.Iteration:D6}"), step.Images[source])))],
            };
        })];
    }
}
