using System.Runtime.InteropServices;

namespace Afterimage.Cli.Console;

/// <summary>Handles Ctrl-C: the first time it cancels a token, the second time it ends the process as usual.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] signals;

    public Interruption() => signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
    ];

    /// <summary>Cancels too when the standard input ends: the process that started this one asks it to stop, or has died.</summary>
    public void AlsoWhenInputEnds()
    {
        var reader = new Thread(() =>
        {
            using var input = System.Console.OpenStandardInput();
            while (input.ReadByte() >= 0)
                continue;
            try
            {
                source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The command ended first.
            }
        }) { IsBackground = true, Name = "standard input" };
        reader.Start();
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        foreach (var signal in signals)
            signal.Dispose();
        source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (source.IsCancellationRequested)
        {
            if (!System.Console.IsOutputRedirected)
                System.Console.CursorVisible = true;
            return;
        }
        context.Cancel = true;
        source.Cancel();
    }
}
