namespace Afterimage.Server.Runs;

/// <summary>The latest value for any number of readers. A slow reader misses values in between, and holds up nobody.</summary>
internal sealed class Broadcast<T>(T first)
{
    private sealed record Link(T Value, TaskCompletionSource<Link> Next);

    private Link link = new(first, new(TaskCreationOptions.RunContinuationsAsynchronously));

    public T Current => Volatile.Read(ref link).Value;

    /// <summary>Called by one thread at a time.</summary>
    public void Publish(T value)
    {
        var before = link;
        var next = new Link(value, new(TaskCreationOptions.RunContinuationsAsynchronously));
        Volatile.Write(ref link, next);
        before.Next.SetResult(next);
    }

    /// <summary>The current value and then each later one that the reader is in time for; null where none came for a while.</summary>
    public async IAsyncEnumerable<T?> Values(
        TimeSpan patience, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var at = Volatile.Read(ref link);
        yield return at.Value;
        while (true)
        {
            var next = at.Next.Task;
            if (await Task.WhenAny(next, Task.Delay(patience, cancellation)).ConfigureAwait(false) == next)
            {
                at = Volatile.Read(ref link);
                yield return at.Value;
            }
            else
            {
                cancellation.ThrowIfCancellationRequested();
                yield return default;
            }
        }
    }
}
