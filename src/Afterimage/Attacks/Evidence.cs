using static System.FormattableString;

namespace Afterimage.Attacks;

/// <summary>Something that an attack found out on its way, as numbers and as a sentence.</summary>
public abstract record Evidence
{
    /// <summary>One sentence, for the report.</summary>
    public abstract string Sentence { get; }
}

/// <summary>What no other kind of evidence says.</summary>
/// <param name="Sentence">The sentence.</param>
public sealed record Remark(string Sentence) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence { get; } = Sentence;
}

/// <summary>Rows of the first layer whose ratio of weight to bias gradient is the image of a batch of one.</summary>
/// <param name="Carrying">Rows with a gradient.</param>
/// <param name="Rows">All rows.</param>
public sealed record RowsCarryImage(long Carrying, long Rows) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => $"{Carrying} of {Rows} rows of the first layer carry the image.";
}

/// <summary>Rows of the first layer that belong to one image of a batch each.</summary>
/// <param name="InRange">Rows whose ratio is an image in [0,1].</param>
/// <param name="Rows">All rows.</param>
/// <param name="Owners">Images that several rows agree on.</param>
public sealed record RowsOwned(long InRange, long Rows, int Owners) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence =>
        $"{InRange} of {Rows} rows of the first layer give an image in range; {Owners} images own several rows each.";
}

/// <summary>The rank of a layer's gradient, which counts the images behind it.</summary>
/// <param name="Rank">Of the first layer's gradient.</param>
/// <param name="Images">In the batch.</param>
public sealed record BatchRank(int Rank, int Images) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => $"The first layer's gradient has rank {Rank} for {Images} images" +
        (Rank < Images ? ": some are alike, or leave no trace." : ".");
}

/// <summary>How well separated images agree with where their own ReLUs are off.</summary>
/// <param name="Consistent">Images whose zeros agree.</param>
/// <param name="Images">Images that were separated.</param>
/// <param name="Worst">The smallest share of neurons on which an image agrees.</param>
public sealed record ReluPattern(int Consistent, int Images, double Worst) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => $"The zeros of {Consistent} of {Images} images agree with their own ReLU pattern; " +
        $"the worst agrees on {Worst:P1} of the neurons.";
}

/// <summary>A layer whose input was solved for.</summary>
/// <param name="Layer">Its name, or the names of a unit's layers.</param>
/// <param name="Unknowns">Numbers of its input.</param>
/// <param name="Residual">The share of its weight gradient that the solution leaves unexplained.</param>
public sealed record LayerSolved(string Layer, long Unknowns, double Residual) : Evidence
{
    /// <summary>Independent equations, where they were counted.</summary>
    public long? Rank { get; init; }

    /// <summary>Of the system, where it was computed.</summary>
    public double? Condition { get; init; }

    /// <summary>Expected error of one number of the input, where it was computed.</summary>
    public double? Error { get; init; }

    /// <summary>What else is to be said of the solution, for example "behind a pooling"; may be empty.</summary>
    public string Where { get; init; } = "";

    /// <inheritdoc/>
    public override string Sentence => Rank is { } rank
        ? Invariant($"{Layer}: rank {rank} of {Unknowns} inputs, condition {Condition:G2}, ") +
            Invariant($"residual {Residual:G2}, expected error {Error:G2}.")
        : Invariant($"{Layer}: {Unknowns} inputs{(Where.Length > 0 ? $" {Where}" : "")}, residual {Residual:G2}.");
}

/// <summary>A layer at which solving ends.</summary>
/// <param name="Layer">Its name.</param>
/// <param name="Reason">Why, for example "its weight gradient does not determine its input".</param>
public sealed record LayerOpen(string Layer, string Reason) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => $"{Layer}: {Reason}.";
}

/// <summary>A layer's input found from its weight gradient alone, up to a scale.</summary>
/// <param name="Layer">Its name.</param>
/// <param name="Completed">Directions of its row space that were missing and were completed.</param>
/// <param name="Places">Of the layer's output.</param>
/// <param name="Difference">How far the head's own features are from those of this input, relative.</param>
public sealed record BlindInputFound(string Layer, long Completed, long Places, double Difference) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => Invariant($"{Layer}: input found blindly, {Completed} directions of {Places} completed; ") +
        Invariant($"the head's features differ by {Difference:G2}.");
}

/// <summary>What the weight gradient of one layer tells of a batch's inputs there.</summary>
/// <param name="Layer">Its name.</param>
/// <param name="Batch">Images of the batch, as the client says.</param>
/// <param name="Size">Images as the layer counts them; fewer where some are alike or leave no trace.</param>
/// <param name="Separated">Images whose input was found.</param>
/// <param name="Gap">How much larger the first eigenvalue beyond the space of the inputs is than the last one of it.</param>
/// <param name="Zeros">The share of zeros of the inputs that were found.</param>
/// <param name="Residual">The share of the weight gradient that they leave; that the space leaves unless all were found.</param>
public sealed record BatchSeparated(string Layer, int Batch, int Size, int Separated, double Gap, double Zeros, double Residual) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => Invariant($"{Layer}: its weight gradient holds {Size} images for a batch of {Batch}, ") +
        Invariant($"{Separated} of them separated (eigenvalue gap {Gap:G2}, {100 * Zeros:F0} % zeros, residual {Residual:G2}).");
}

/// <summary>What an image that was searched for leaves of features that were solved for.</summary>
/// <param name="Solved">Layers behind the features.</param>
/// <param name="Layers">All layers.</param>
/// <param name="Residual">Relative to how much the features vary.</param>
public sealed record FeaturesMatched(int Solved, int Layers, double Residual) : Evidence
{
    /// <summary>
    /// A residual below this says that the image is seen well, whatever the misfit, which misleads near the truth in ReLU networks.
    /// </summary>
    public const double WellSeen = 0.2;

    /// <inheritdoc/>
    public override string Sentence => Invariant($"Image: its features leave {Residual:G2} of how much they vary.");
}

/// <summary>What the images of a batch, each searched for by its own features, leave of them.</summary>
/// <param name="Found">Images of the batch that were separated.</param>
/// <param name="Batch">Images of the batch.</param>
/// <param name="Median">Relative to how much the features vary, over the images found.</param>
/// <param name="Worst">The same of the image that leaves most.</param>
public sealed record ImagesMatched(int Found, int Batch, double Median, double Worst) : Evidence
{
    /// <summary>What an image may leave and still be more than other methods find; more than usual where these see nothing.</summary>
    public double Enough { get; init; } = FeaturesMatched.WellSeen;

    /// <summary>Whether all images are seen well, whatever the misfit.</summary>
    public bool IsWellSeen => Found == Batch && Worst < Enough;

    /// <inheritdoc/>
    public override string Sentence => Invariant($"Images: {Found} of {Batch} were searched for by their own features and leave ") +
        Invariant($"{Median:G2} of how much these vary in the median, {Worst:G2} at worst.");
}

/// <summary>An image that occurs several times in a batch, or several images that a layer sees alike.</summary>
/// <param name="Class">Its label.</param>
/// <param name="Times">How often it occurs.</param>
public sealed record ImageRepeated(int Class, int Times) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence =>
        $"An image of class {Class} occurs {Times} times: its gradient is {Times} times as large as its own loss makes it.";
}

/// <summary>Whether the head's gradient gave the features of every image.</summary>
/// <param name="Residual">What they leave of it, relative; null where they could not be read.</param>
public sealed record HeadFeatures(double? Residual) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => Residual is { } residual
        ? Invariant($"The head's gradient gave the features of every image, up to {residual:G2}.")
        : "The features of the images could not be read from the head's gradient.";
}

/// <summary>What features that were searched for leave of the gradient of the layers behind them.</summary>
/// <param name="Residual">Relative.</param>
public sealed record TailExplained(double Residual) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => Invariant($"The features that were found explain the gradient behind them up to {Residual:G2}.");
}

/// <summary>One method that a policy over attacks tried.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="RelativeMisfit">What it left unexplained; NaN where it found nothing.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="Chosen">Whether its images are the result.</param>
public sealed record MethodTried(string Method, Outcome Outcome, double RelativeMisfit, double Seconds, bool Chosen) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => Invariant($"{Method} {(Chosen ? "was chosen" : "was tried")} ({Seconds:0.0} s): ") + Outcome.Advice;
}

/// <summary>One method that a policy over attacks left out.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Reason">Why, one sentence.</param>
public sealed record MethodSkipped(string Method, string Reason) : Evidence
{
    /// <inheritdoc/>
    public override string Sentence => $"{Method} was not tried. {Reason}";
}
