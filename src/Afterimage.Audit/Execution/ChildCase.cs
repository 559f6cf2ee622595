using Afterimage.Audit.Cases;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>The child's end of <see cref="ChildProcess"/>.</summary>
public static class ChildCase
{
    /// <summary>The hidden command of every host.</summary>
    public const string Command = "run-case";

    /// <summary>Set in the environment of a child.</summary>
    public const string Mark = "AFTERIMAGE_CHILD";

    /// <summary>
    /// Reads an order, runs its case, and writes its events, one line each. The end of the input asks it to stop, so that a child ends
    /// soon after its parent whatever becomes of that.
    /// </summary>
    /// <exception cref="AfterimageException">The input is no order.</exception>
    public static void Run(ExperimentFile files, TextReader input, TextWriter output)
    {
        var order = CaseOrder.Read(files, input.ReadLine() ?? "");
        var stop = new CancellationTokenSource();
        new Thread(() => Await(input, stop)) { IsBackground = true }.Start();
        if (new InProcess(order.Measurement, order.Options).Execute(order.Case(files), Send, stop.Token) is { } result)
            Send(result);

        void Send(AuditEvent next)
        {
            lock (output)
            {
                output.WriteLine(ReportJson.WriteEvent(next));
                output.Flush();
            }
        }
    }

    private static void Await(TextReader input, CancellationTokenSource stop)
    {
        while (input.ReadLine() is not null)
            continue;
        stop.Cancel();
    }
}
