namespace Afterimage.Cli.Commands;

/// <summary>
/// MKL computes products by the alignment of the memory that it happens to get, so that batches of several images end in other last
/// digits from run to run. Its conditional numerical reproducibility takes one path on every machine, at some loss of speed.
/// </summary>
internal static class Reproducibility
{
    private const string Variable = "MKL_CBWR";

    /// <summary>Asks for it in children that begin later; what the user has set stays.</summary>
    public static void OfChildren()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null)
            Environment.SetEnvironmentVariable(Variable, "COMPATIBLE");
    }
}
