namespace Afterimage.Server.Runs;

/// <summary>Looks again and again at what somebody looks at; nothing is read while nobody does.</summary>
internal sealed class Follower : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private const int ListEvery = 5;

    private readonly CancellationTokenSource closing = new();
    private readonly Task loop;

    public Follower(RunListing listing) => loop = Task.Run(() => Follow(listing));

    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync().ConfigureAwait(false);
        await loop.ConfigureAwait(false);
        closing.Dispose();
    }

    private async Task Follow(RunListing listing)
    {
        using var timer = new PeriodicTimer(Pause);
        for (var tick = 0; !closing.IsCancellationRequested; tick++)
        {
            try
            {
                await timer.WaitForNextTickAsync(closing.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            foreach (var feed in listing.Watched())
                Quietly(feed.Refresh);
            if (listing.IsWatched && tick % ListEvery == 0)
                Quietly(listing.Refresh);
        }
    }

    /// <summary>A folder that goes away while it is read is looked at again later.</summary>
    private static void Quietly(Action look)
    {
        try
        {
            look();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // The next look may find more.
        }
    }
}
