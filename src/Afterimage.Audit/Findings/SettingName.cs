using Afterimage.Reports;

namespace Afterimage.Audit.Findings;

/// <summary>A case's setting in words: its axes without seed and trial, which only repeat it.</summary>
internal static class SettingName
{
    /// <summary>"all images" where nothing but seeds and trials was varied.</summary>
    public static string Of(CaseReport found)
    {
        var axes = found.Axes.Where(axis => !Repeats(axis.Key)).Select(axis => $"{axis.Key} {axis.Value}").ToArray();
        return axes.Length == 0 ? "all images" : string.Join(", ", axes);
    }

    /// <summary>Whether an axis only repeats a setting.</summary>
    public static bool Repeats(string axis) => axis == "trial" || axis.EndsWith("seed", StringComparison.OrdinalIgnoreCase);
}
