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

    [Fact]
    public void Labels_are_dealt_out_to_steps_in_every_way_once_and_first_as_they_are()
    {
        static string[] Orders(Labels labels, int size) => [.. labels.Dealt(size).Select(dealt => string.Join("", dealt.Classes))];
        var four = new Labels([1, 3, 5, 7], [0.1, 0.3, 0.5, 0.7]);
        Assert.Equal(["1357", "1537", "1735", "3517", "3715", "5713"], Orders(four, 2));
        Assert.Equal([0.5, 0.7, 0.1, 0.3], four.Dealt(2).Last().Confidence);
        Assert.Equal(["1144", "1414", "4411"], Orders(new([1, 1, 4, 4], [1, 1, 1, 1]), 2));
        Assert.Equal(10, Orders(new([0, 1, 2, 3, 4], [1, 1, 1, 1, 1]), 3).Length);
        Assert.Same(four, Assert.Single(four.Dealt(4)));
        Assert.Same(four, four.Dealt(2).First());
    }
}
