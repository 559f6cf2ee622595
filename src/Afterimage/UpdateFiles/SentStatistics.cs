using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>What the running_mean and running_var of an update file are.</summary>
public enum SentStatistics
{
    /// <summary>The running statistics after the round.</summary>
    After,

    /// <summary>The running statistics after the round minus those before.</summary>
    Difference,

    /// <summary>The batch's own, as PyTorch keeps them with a momentum of 1 (variances divided by n - 1).</summary>
    Batch,
}
