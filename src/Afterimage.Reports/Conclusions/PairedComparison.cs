namespace Afterimage.Reports.Conclusions;

/// <summary>Two values of one axis compared on the same private images.</summary>
/// <param name="Axis">What was varied, for example "attack".</param>
/// <param name="Left">One value.</param>
/// <param name="Right">The other one.</param>
/// <param name="Metric">For example "psnr".</param>
/// <param name="Images">Images that both have.</param>
/// <param name="Median">Median of right minus left, in the units of the metric.</param>
/// <param name="Low">The lower quartile of the differences.</param>
/// <param name="High">The upper quartile.</param>
/// <param name="SignedRank">Probability of such differences by chance (Wilcoxon), after Holm's correction over the axis.</param>
/// <param name="Sign">The same of the sign test.</param>
public sealed record PairedComparison(string Axis, string Left, string Right, string Metric, int Images, double Median, double Low,
    double High, double SignedRank, double Sign);
