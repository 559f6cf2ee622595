using System.Globalization;
using Afterimage.Privacy;

namespace Afterimage.Cli.Commands;

/// <summary>Statements on privacy as plain text.</summary>
internal static class PrivacyText
{
    public static void Write(TextWriter to, IReadOnlyList<PrivacyStatement> statements, EmpiricalEpsilon? proven, int pool)
    {
        foreach (var statement in statements)
        {
            to.WriteLine(statement.Mechanism);
            if (statement.Claimed is { } claimed)
                to.WriteLine($"  claimed     epsilon {Epsilon(claimed)}");
            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  delivered   epsilon {Epsilon(statement.Delivered)}") +
                (statement.Delta > 0 ? string.Create(CultureInfo.InvariantCulture, $" at delta {statement.Delta:G3}") : "") +
                $", for {statement.Neighbors}");
            to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  whoever tries finds the client's image among {pool:N0} candidates with " +
                $"probability {statement.Identification(pool):G3} at most (by chance {1.0 / pool:G3})"));
            foreach (var finding in statement.Findings)
                to.WriteLine($"  ! {finding}");
            if (statement.Claimed is { } said && statement.Delivered > 1.01 * said)
                to.WriteLine("  ! What is claimed is not delivered.");
        }
        if (proven is null)
            return;
        to.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"An attack found {100 * proven.Rate:0.#} % of the images among {pool:N0} candidates " +
            $"(at least {100 * proven.Lower:0.##} % with 95 % confidence): epsilon is {proven.Epsilon:G4} or more."));
        foreach (var statement in statements.Where(statement => statement.Delivered < proven.Epsilon))
            to.WriteLine($"  ! That contradicts {statement.Mechanism}: something of it is not as configured.");
    }

    private static string Epsilon(double value) =>
        double.IsInfinity(value) ? "infinity (none holds)" : value.ToString("G4", CultureInfo.InvariantCulture);
}
