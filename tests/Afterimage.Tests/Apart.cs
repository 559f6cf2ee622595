namespace Afterimage.Tests;

/// <summary>
/// Tests that have nothing to do with libtorch in this process run beside the others: neither its generator, which is seeded before every
/// other test, nor the number of living tensors, which many tests count, may change under them.
/// </summary>
public static class Apart
{
    /// <summary>Their collection; all other tests are one collection as well, and run one after the other.</summary>
    public const string Collection = "without libtorch";
}
