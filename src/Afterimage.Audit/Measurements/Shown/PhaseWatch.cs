using System.Diagnostics;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>Passes on what a case is at: every phase where it begins, and how far it is a few times a second. Thread-safe.</summary>
internal sealed class PhaseWatch(string caseId, Action<AuditEvent> publish)
{
    private const double Seconds = 0.25;

    private readonly Lock gate = new();
    private readonly Stopwatch since = new();
    private string? current;

    public void See(Phase phase)
    {
        lock (gate)
        {
            if (phase.Name == current && since.Elapsed.TotalSeconds < Seconds)
                return;
            current = phase.Name;
            since.Restart();
            publish(new PhaseSeen(caseId, phase.Name, phase.Done, phase.Of, phase.Unit));
        }
    }
}
