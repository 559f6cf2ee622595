namespace Afterimage.Models;

/// <summary>
/// The loss that a client's training minimizes, a function of the logits of its images and their targets. The derivative of a loss
/// with a canonical link with respect to the logits is a multiple of predictions minus targets.
/// </summary>
public abstract record Loss
{
    /// <summary>How the terms of a batch are combined.</summary>
    public Reduction Reduction { get; init; } = Reduction.Mean;

    /// <summary>
    /// The canonical link, the function from logits to predictions; null for a loss without one, which cannot be compiled.
    /// </summary>
    public abstract Link? Link { get; }

    /// <summary>The loss of a batch, a scalar that can be differentiated.</summary>
    /// <param name="logits">Logits of the model, [B,classes].</param>
    /// <param name="targets">Label probabilities, [B,classes].</param>
    public Tensor Of(Tensor logits, Tensor targets) =>
        Sum(logits, Seen(targets)) / Divisor((int)logits.shape[0], (int)logits.shape[1]);

    /// <summary>The sum over all terms, for targets after <see cref="Seen"/>.</summary>
    protected abstract Tensor Sum(Tensor logits, Tensor targets);

    /// <summary>Number of terms of one image.</summary>
    /// <param name="classes">Number of logits of one image.</param>
    protected abstract int Terms(int classes);

    /// <summary>What the sum over all terms is divided by.</summary>
    public double Divisor(int batch, int classes) => Reduction == Reduction.Mean ? (double)batch * Terms(classes) : 1;

    /// <summary>The factor s in the derivative of the sum over all terms with respect to a logit, s (prediction - target).</summary>
    public virtual double Slope => 1;

    /// <summary>The share of a target that label smoothing keeps, in (0,1]; the rest is spread evenly over the classes.</summary>
    public virtual double Kept => 1;

    /// <summary>Targets after label smoothing.</summary>
    public Tensor Seen(Tensor targets) => Kept == 1 ? targets : targets * Kept + (1 - Kept) / targets.shape[1];

    /// <summary>The factor between the mean over images and the loss of a batch.</summary>
    public double Images(int batch) => Reduction == Reduction.Mean ? 1 : batch;

    /// <summary>
    /// Why labels cannot be read from the gradient of the head, one sentence; null for cross-entropy without smoothing, whose
    /// derivative is softmax minus label.
    /// </summary>
    public string? HeadObstacle => this is CrossEntropy { Smoothing: 0 } ? null
        : "Labels and errors are read from the head's gradient as softmax minus label, which only cross-entropy without smoothing leaves " +
            "there: give the labels, or use \"joint\" with gradient matching.";
}

/// <summary>How the terms of a loss are combined.</summary>
public enum Reduction
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,
}

/// <summary>Functions from logits to predictions.</summary>
public enum Link
{
    /// <summary>Probabilities of classes that exclude one another, which sum to 1.</summary>
    Softmax,

    /// <summary>An independent probability for each class.</summary>
    Sigmoid,

    /// <summary>The logits themselves.</summary>
    Identity,
}
