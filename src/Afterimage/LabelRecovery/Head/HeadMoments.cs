namespace Afterimage.LabelRecovery;

/// <summary>What the head's update is expected to be for given counts, and how it varies with images that nobody has seen.</summary>
/// <param name="Signal">[C]: the expected signal (the bias gradient or its stand-in).</param>
/// <param name="Change">[C,C]: entry c of B times the signal by one more image of class j, at j * C + c.</param>
/// <param name="Covariance">[C,C]: of B times the signal.</param>
/// <param name="Share">[C,C]: what the images of class j add to entry c of the mean error, at c * C + j.</param>
/// <param name="Weight">[C,features]: the expected gradient of the head's weight.</param>
internal sealed record HeadMoments(double[] Signal, double[] Change, double[] Covariance, double[] Share, double[] Weight);
