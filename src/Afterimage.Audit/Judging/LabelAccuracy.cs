namespace Afterimage.Audit.Judging;

/// <summary>The fraction of labels that an attack got right, whatever their order.</summary>
public static class LabelAccuracy
{
    /// <summary>The size of the multiset intersection over the number of true labels, in [0,1].</summary>
    public static double Of(IReadOnlyList<int> truth, IReadOnlyList<int> recovered)
    {
        if (truth.Count == 0)
            throw new AfterimageException("Label accuracy needs at least one true label.");
        var right = truth.GroupBy(label => label).Sum(group => Math.Min(group.Count(), recovered.Count(label => label == group.Key)));
        return (double)right / truth.Count;
    }
}
