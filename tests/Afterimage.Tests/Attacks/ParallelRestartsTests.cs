using Afterimage.Attacks;

namespace Afterimage.Tests.Attacks;

public class ParallelRestartsTests
{
    private sealed class Piece(int number, Action<int> gone) : IDisposable
    {
        public int Number => number;

        public void Dispose() => gone(number);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Pieces_come_in_order_and_unread_ones_are_disposed_of(int workers)
    {
        var (made, gone) = (0, new System.Collections.Concurrent.ConcurrentBag<int>());
        var read = new List<int>();
        foreach (var piece in ParallelRestarts.Run(20, workers, Make, CancellationToken.None))
        {
            read.Add(piece.Number);
            if (piece.Number == 7)
                break;
        }
        Assert.Equal(Enumerable.Range(0, 8), read);
        Assert.InRange(made, 8, 8 + workers - 1);
        Assert.Equal(made - 8, gone.Count);

        Piece Make(int number, CancellationToken stop)
        {
            Interlocked.Increment(ref made);
            // Later pieces are done sooner.
            stop.WaitHandle.WaitOne(20 - number);
            return new(number, gone.Add);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Cancellation_begins_nothing_more(int workers)
    {
        using var stop = new CancellationTokenSource();
        var read = ParallelRestarts.Run(20, workers, (number, _) => new Piece(number, _ => { }), stop.Token).Select(piece =>
        {
            stop.Cancel();
            return piece.Number;
        }).ToList();
        Assert.InRange(read.Count, 1, workers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_error_reaches_the_reader(int workers)
    {
        Piece Try(int number) => number == 2 ? throw new AfterimageException("two") : new(number, _ => { });
        Assert.Throws<AfterimageException>(() =>
            ParallelRestarts.Run<Piece>(5, workers, (number, _) => Try(number), CancellationToken.None).ToList());
    }
}
