using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>Random small networks and batches that are well within what the counts promise.</summary>
[Trait("Category", "slow")]
public class BatchPromiseTests(ITestOutputHelper output)
{
    [Fact]
    public void What_the_counts_promise_is_kept_in_99_of_100_cases_and_nothing_wrong_is_ever_found()
    {
        var kept = 0;
        for (var seed = 0UL; seed < 100; seed++)
        {
            using var scope = NewDisposeScope();
            var random = new RandomSource(seed).Derive("case").Managed();
            var (train, bias, kernel) = (random.Next(2) == 0, random.Next(3) == 0, random.Next(4) == 0 ? 5 : 3);
            var (before, channels, side) = (32 + 8 * random.Next(5), 64 + 32 * random.Next(5), 2 * random.Next(2, 5));
            var net = SmallClient.Net(before, channels, kernel, bias);
            // Some channels are off.
            var largest = SeparableBatch.Largest(net.Item2, [before, side / 2, side / 2], train && !bias) * 3 / 4;
            var batch = random.Next(1, (int)Math.Clamp(largest, 1, 10) + 1);
            var client = SmallClient.Of(batch, train, net, new(3, side, side), seed, classes: random.Next(2) == 0 ? 1 : 10);
            var found = client.Separated();
            var (errors, nearest) = found is null ? ([], []) : client.Judge(found);
            Assert.All(errors, error => Assert.InRange(error, 0, 1e-2));
            Assert.Equal(errors.Length, nearest.Distinct().Count());
            if (errors.Length == batch)
                kept++;
            else
                output.WriteLine($"seed {seed}: train {train}, bias {bias}, kernel {kernel}, {before} to {channels} channels, " +
                    $"side {side / 2}, batch {batch} of {largest}: {found?.Evidence.Sentence}");
        }
        Assert.InRange(kept, 99, 100);
    }
}
