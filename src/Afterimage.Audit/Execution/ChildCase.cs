using System.Collections.Concurrent;
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
    /// Reads orders, one line each, runs their cases one after the other, and writes their events, one line each; the result of a case
    /// is its last. The end of the input asks it to stop, so that a child ends soon after its parent whatever becomes of that.
    /// </summary>
    /// <exception cref="AfterimageException">The input is no order, or a case failed without a result.</exception>
    public static void Run(ExperimentFile files, TextReader input, TextWriter output)
    {
        var text = new OrderText(files);
        using var stop = new CancellationTokenSource();
        using var orders = new BlockingCollection<string>();
        new Thread(() => Listen(input, orders, stop)) { IsBackground = true }.Start();
        foreach (var line in orders.GetConsumingEnumerable())
        {
            var order = text.Read(line);
            if (new InProcess(order.Measurement, order.Options).Execute(order.Case(files), Send, stop.Token) is not { } result)
                return;
            Send(result);
            if (stop.IsCancellationRequested)
                return;
        }

        void Send(AuditEvent next)
        {
            lock (output)
            {
                output.WriteLine(ReportJson.WriteEvent(next));
                output.Flush();
            }
        }
    }

    private static void Listen(TextReader input, BlockingCollection<string> orders, CancellationTokenSource stop)
    {
        try
        {
            while (input.ReadLine() is { } line)
                orders.Add(line);
            orders.CompleteAdding();
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The last case has ended meanwhile.
        }
    }
}
