namespace Afterimage.Audit.Measurements;

/// <summary>A Gaussian model of images.</summary>
public enum ImageKnowledge
{
    /// <summary>The power of natural images falls as 1/f^2 and their channels correlate: no data needed.</summary>
    PowerLaw,

    /// <summary>The covariance of public images: the client's own source less its batch, where no other is named.</summary>
    PublicImages,
}
