namespace Afterimage.Attacks;

/// <summary>How many exact features for every number of an image are enough for a search, as measured.</summary>
internal static class KnownFeatures
{
    /// <summary>A descent finds its way; with fewer the places of maxima are weighed one by one.</summary>
    public const double Plenty = 2;

    /// <summary>The image follows from them alone, without weight gradients or a good start, in every case measured.</summary>
    public const double Abundant = 8;
}
