namespace Afterimage.Federation;

/// <summary>What an attack knows of the labels of the batch, in the order of its reconstructions.</summary>
/// <param name="Classes">One class for each image.</param>
/// <param name="Confidence">For each image, the attacker's probability that its class is right, in [0,1].</param>
/// <param name="Refine">Whether the attack goes on to optimize the labels together with the images.</param>
public sealed record Labels(Seq<int> Classes, Seq<double> Confidence, bool Refine = false)
{
    /// <summary>One-hot targets of shape [B,classes].</summary>
    public Tensor Targets(int classes, ScalarType type, Device device)
    {
        var targets = zeros([Classes.Count, classes], type, device);
        for (var i = 0; i < Classes.Count; i++)
            targets[i, Classes[i]] = 1;
        return targets;
    }
}
