using Afterimage.Federation;

namespace Afterimage.Tests.Federation;

public class LabelsTests
{
    private static readonly Labels Uncertain = new([1, 4, 6], [1, 0.4, 0.9])
    {
        Counts = [new(0, 0, 1), new(1, 1, 1), new(2, 0, 0.8), new(3, 0, 0.7), new(4, 1, 0.4), new(5, 0, 1), new(6, 1, 0.9)],
    };

    [Fact]
    public void Uncertain_labels_are_swapped_the_most_plausible_first()
    {
        var plausible = Uncertain.Plausible(7).ToList();
        Assert.Same(Uncertain, plausible[0]);
        // 0.6 x 0.3 before 0.6 x 0.2, and never a class that is certain not to be there.
        Assert.Equal([1, 3, 6], plausible[1].Classes);
        Assert.Equal([1, 6, 6], plausible.First(labels => labels.Counts[6].Count == 2).Classes);
        Assert.DoesNotContain(plausible, labels => labels.Classes.Contains(0) || labels.Classes.Contains(5));
        Assert.All(plausible, labels => Assert.Equal(labels.Classes.Order(), labels.Classes));
        Assert.Equal([1, 0.4, 0.9], plausible[1].Confidence);
        Assert.Equal((1, 0), (plausible[1].Counts[3].Count, plausible[1].Counts[4].Count));
    }

    [Fact]
    public void Certain_refined_and_soft_labels_have_no_alternative()
    {
        Assert.Single((Uncertain with { Confidence = [1, 1, 1] }).Plausible(7));
        Assert.Single((Uncertain with { Refine = true }).Plausible(7));
        Assert.Single((Uncertain with { Soft = [] }).Plausible(7));
    }
}
