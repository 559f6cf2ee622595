using Afterimage.Cli.Console;
using Afterimage.Reports;

namespace Afterimage.Cli.Conditions;

/// <summary>The last words of an audit, and its exit code.</summary>
/// <param name="Condition">That of --fail-if; null for none.</param>
/// <param name="AllowsInconclusive">Whether attacks without an answer are no failure.</param>
/// <param name="Folder">The folder of the report.</param>
internal sealed record AuditEnd(Condition? Condition, bool AllowsInconclusive, string Folder)
{
    /// <returns>An <see cref="ExitCode"/>.</returns>
    public int Of(AuditReport report, bool canceled, Terminal terminal)
    {
        if (canceled)
        {
            terminal.Raw.WriteLine("Stopped; what was found is kept. To go on:");
            terminal.Raw.WriteLine($"  {CommandLine.Resuming(report.Command, Folder)}");
            return ExitCode.Canceled;
        }
        if (report.Cases.FirstOrDefault(found => found.Outcome == "Crashed") is { } crashed)
        {
            terminal.Error.WriteLine($"afterimage: the case {crashed.Name} crashed. {crashed.Advice}");
            return ExitCode.Crashed;
        }
        if (report.Cases.Length > 0 && report.Cases.All(found => found.Outcome == "Refused"))
        {
            terminal.Error.WriteLine($"afterimage: {report.Cases[0].Advice}");
            return ExitCode.BadInput;
        }
        return Condition is null ? ExitCode.Fine : Judged(Condition, report, terminal);
    }

    private int Judged(Condition condition, AuditReport report, Terminal terminal)
    {
        var leaking = report.Cases.Where(condition.Holds).Select(found => found.Name).ToArray();
        if (leaking.Length > 0)
        {
            terminal.Raw.WriteLine(
                $"--fail-if \"{condition.Text}\" is true of {Figures.Plural(leaking.Length, "case")}: {string.Join("; ", leaking)}");
            return ExitCode.ConditionTrue;
        }
        var unsettled = report.Cases.Count(found => found.Outcome != "Converged");
        terminal.Raw.WriteLine($"--fail-if \"{condition.Text}\" is not true of any case.{Doubt(unsettled)}");
        return unsettled == 0 || AllowsInconclusive ? ExitCode.Fine : ExitCode.Inconclusive;
    }

    private string Doubt(int unsettled) => unsettled == 0 ? ""
        : $" But {Figures.Plural(unsettled, "attack")} did not converge, which is no sign of protection" + (AllowsInconclusive ? "."
            : $": give more --budget, another --attack, or --allow-inconclusive (exit code {ExitCode.Inconclusive}).");
}
