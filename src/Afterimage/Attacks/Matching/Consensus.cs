using Afterimage.Priors;

namespace Afterimage.Attacks;

/// <summary>What several reconstructions of one batch agree on, image by image.</summary>
internal static class Consensus
{
    /// <summary>
    /// For every reconstruction the mean over all of them after registration, in its own order of images. Images of one class may stand in
    /// another order in every reconstruction, so they are paired first. The frame is that of the first reconstruction.
    /// </summary>
    /// <param name="reconstructions">Each [B,C,H,W] in [0,1]; the first is taken for the best.</param>
    /// <param name="classes">The class of each image.</param>
    /// <param name="registration">How images are brought to lie on one another.</param>
    public static IReadOnlyList<Tensor> Of(IReadOnlyList<Tensor> reconstructions, ValueList<int> classes, Registration registration)
    {
        var count = classes.Count;
        var places = reconstructions.Select(images => Pair(reconstructions[0], images, classes)).ToArray();
        var agreed = new Tensor[count];
        for (var image = 0; image < count; image++)
        {
            var views = reconstructions.Select((images, member) => images[places[member][image]]).ToArray();
            var reference = views[0];
            // First onto the best one, then onto the mean of that.
            for (var pass = 0; pass < 2; pass++)
                reference = stack(views.Select(view => Registered.Onto(reference, view, registration))).mean([0]);
            agreed[image] = reference;
        }
        return [.. places.Select(order => stack(Enumerable.Range(0, count).Select(place => agreed[Array.IndexOf(order, place)])))];
    }

    /// <summary>For each reference image the place of its counterpart of the same class, at least squared distance in total.</summary>
    private static int[] Pair(Tensor reference, Tensor images, ValueList<int> classes)
    {
        var places = new int[classes.Count];
        foreach (var members in Enumerable.Range(0, classes.Count).GroupBy(image => classes[image]).Select(group => group.ToList()))
        {
            var cost = new double[members.Count, members.Count];
            for (var mine = 0; mine < members.Count; mine++)
                for (var theirs = 0; theirs < members.Count; theirs++)
                    cost[mine, theirs] = (reference[members[mine]] - images[members[theirs]]).square().mean().ToDouble();
            foreach (var (mine, theirs) in Assignment.Of(cost).Index())
                places[members[mine]] = members[theirs];
        }
        return places;
    }
}
