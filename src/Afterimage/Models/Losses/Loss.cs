namespace Afterimage.Models;

/// <summary>
/// What a client's training lowers: a function of the logits of its images and their targets. Losses with a canonical link have one
/// derivative with respect to the logits, predictions minus targets, whatever the network in front of them.
/// </summary>
public abstract record Loss
{
    /// <summary>Over all terms of the batch.</summary>
    public Reduction Reduction { get; init; } = Reduction.Mean;

    /// <summary>
    /// The predictions that the derivative compares with the targets; null for a loss without such a form, which cannot be compiled.
    /// </summary>
    public abstract Link? Link { get; }

    /// <summary>The differentiable loss, a scalar.</summary>
    /// <param name="logits">Of the model, shape [B,classes].</param>
    /// <param name="targets">Label probabilities, shape [B,classes].</param>
    public Tensor Of(Tensor logits, Tensor targets) =>
        Checked().Sum(logits, Seen(targets)) / Divisor((int)logits.shape[0], (int)logits.shape[1]);

    /// <summary>The sum over all terms, for targets as <see cref="Seen"/> gives them.</summary>
    protected abstract Tensor Sum(Tensor logits, Tensor targets);

    /// <summary>Terms that each image has.</summary>
    /// <param name="classes">Logits of an image.</param>
    protected abstract int Terms(int classes);

    /// <summary>The sum of all terms is divided by this.</summary>
    public double Divisor(int batch, int classes) => Reduction == Reduction.Mean ? (double)batch * Terms(classes) : 1;

    /// <summary>The derivative of the sum of all terms with respect to a logit is this many times prediction minus target.</summary>
    public virtual double Slope => 1;

    /// <summary>The share of a target that the loss sees; it spreads the rest of one evenly over the classes.</summary>
    public virtual double Kept => 1;

    /// <summary>Targets as the loss compares them with predictions.</summary>
    public Tensor Seen(Tensor targets) => Kept == 1 ? targets : targets * Kept + (1 - Kept) / targets.shape[1];

    /// <exception cref="AfterimageException">It smooths targets by a share that is none.</exception>
    internal Loss Checked() => Kept is > 0 and <= 1 ? this
        : throw new AfterimageException($"Labels are smoothed by a share of at least 0 and below 1; it is {1 - Kept}.");

    /// <summary>The loss of a batch is this many times the mean over its images.</summary>
    public double Images(int batch) => Reduction == Reduction.Mean ? 1 : batch;

    /// <summary>
    /// Why labels cannot be read from the head's gradient, one sentence; null for the cross-entropy of labels as they are, whose derivative
    /// is softmax minus label.
    /// </summary>
    public string? HeadObstacle => this is CrossEntropy { Smoothing: 0 } ? null
        : "Labels and errors are read from the head's gradient as softmax minus label, which only cross-entropy without smoothing leaves " +
            "there: give the labels, or use \"joint\" with gradient matching.";
}

/// <summary>How the terms of a loss become one number.</summary>
public enum Reduction
{
    Mean,
    Sum,
}

/// <summary>What a loss takes for the predictions of logits.</summary>
public enum Link
{
    /// <summary>Probabilities of classes that exclude one another.</summary>
    Softmax,

    /// <summary>A probability for each class by itself.</summary>
    Sigmoid,

    /// <summary>The logits themselves.</summary>
    Identity,
}
