using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>Labels of updates of which only the largest numbers arrived.</summary>
public class SparseHeadTests
{
    [Theory]
    [InlineData(0.01)]
    [InlineData(0.1)]
    public void A_negative_entry_that_arrived_is_the_label_whatever_was_left_out(double share)
    {
        using var scope = NewDisposeScope();
        using var whole = Batches.Of(new LeNet(), [6]);
        var sparse = new TopK { Share = share };
        using var context = new AttackContext
        {
            Model = whole.Model,
            Observation = new()
            {
                Update = sparse.Protect(whole.Observation.Update, new(1)), Training = new FedSgd(), BatchSize = 1, Channel = sparse.Known(),
            },
            Random = new(1),
        };
        var found = new RefinedCounts().Recover(context);
        Assert.Equal([6], found.Classes);
        Assert.Equal(1, found.Confidence[0]);
    }
}
