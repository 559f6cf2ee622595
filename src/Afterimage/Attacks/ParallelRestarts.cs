namespace Afterimage.Attacks;

/// <summary>
/// Numbered pieces of work, begun ahead of time on threads of their own and handed over in order: whoever stops reading at some piece
/// has seen the same, whatever the number of threads.
/// </summary>
internal static class ParallelRestarts
{
    /// <param name="count">Pieces at most.</param>
    /// <param name="workers">Pieces that run at once; with one, each runs on the reader's thread when it is asked for.</param>
    /// <param name="work">Makes one piece, its tensors out of every scope; its token is canceled when nobody will read the piece.</param>
    /// <param name="cancellation">Begins no further piece.</param>
    public static IEnumerable<T> Run<T>(int count, int workers, Func<int, CancellationToken, T> work, CancellationToken cancellation)
        where T : IDisposable
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var begun = new Queue<Task<T>>();
        try
        {
            for (var next = 0; ;)
            {
                for (; next < count && begun.Count < workers && !stop.IsCancellationRequested; next++)
                    begun.Enqueue(Begin(next));
                if (!begun.TryDequeue(out var first))
                    yield break;
                yield return first.GetAwaiter().GetResult();
            }
        }
        finally
        {
            stop.Cancel();
            foreach (var unread in begun)
                if (unread.ContinueWith(task => task.IsCompletedSuccessfully, TaskScheduler.Default).Result)
                    unread.Result.Dispose();
        }

        Task<T> Begin(int number)
        {
            var piece = new Task<T>(() => work(number, stop.Token), TaskCreationOptions.LongRunning);
            if (workers > 1)
                piece.Start(TaskScheduler.Default);
            else
                piece.RunSynchronously(TaskScheduler.Default);
            return piece;
        }
    }
}
