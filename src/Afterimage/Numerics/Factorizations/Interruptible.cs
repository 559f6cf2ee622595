namespace Afterimage.Numerics;

/// <summary>
/// A native routine of minutes that can be left: it runs on a thread of its own, and whoever stops does not wait for its end. What is
/// left behind ends by itself, or with the process, and then gives its memory back.
/// </summary>
internal static class Interruptible
{
    /// <summary>Rows from which a factorization takes a second or more.</summary>
    private const long Long = 1500;

    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static Tensor[] Run(Tensor matrix, Func<Tensor, Tensor[]> native, CancellationToken stop)
    {
        if (!stop.CanBeCanceled || matrix.shape[^1] < Long)
            return native(matrix);
        stop.ThrowIfCancellationRequested();
        // The thread has no scope, and its own handle keeps the numbers alive.
        var own = matrix.alias().DetachFromDisposeScope();
        var threads = get_num_threads();
        var work = Task.Factory.StartNew(() =>
        {
            using var input = own;
            set_num_threads(threads);
            return native(input);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            work.Wait(stop);
        }
        catch (OperationCanceledException)
        {
            work.ContinueWith(late => Array.ForEach(late.Result, tensor => tensor.Dispose()),
                CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
        catch (AggregateException failed) when (failed.InnerException is { } fault)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
        }
        return [.. work.Result.Select(Adopted)];
    }

    /// <summary>The same tensor in the scope of this thread.</summary>
    private static Tensor Adopted(Tensor made)
    {
        using (made)
            return made.alias();
    }
}
