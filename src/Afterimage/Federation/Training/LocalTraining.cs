using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// What a client does with its batch in one round: the forward operator of the inverse problem. The attacker simulates it,
/// the client of an audit runs it; both call the same code.
/// </summary>
public abstract record LocalTraining
{
    /// <summary>Whose statistics BatchNorm uses while the client trains, and whether dropout draws masks.</summary>
    public ModelMode Mode { get; init; } = ModelMode.Eval;

    /// <summary>What the training lowers.</summary>
    public Loss Loss { get; init; } = new CrossEntropy();

    /// <summary>What the update is.</summary>
    public abstract UpdateKind Kind { get; }

    /// <summary>
    /// What a client that holds this batch sends, with whatever it leaves to choices drawn from <paramref name="random"/>.
    /// </summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="batch">What the client holds.</param>
    /// <param name="random">The client's own; the server never sees it.</param>
    public virtual GradientSet Train(VictimModel model, Batch batch, RandomSource random) =>
        Evaluate(model, batch, Draw(model, batch.Count, random));

    /// <summary>A(x) at one batch alone, without the graph that its products need.</summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="batch">What the client holds.</param>
    /// <param name="choices">How choices fell; null is what the server must assume.</param>
    public virtual GradientSet Evaluate(VictimModel model, Batch batch, RandomChoices? choices = null) =>
        Linearize(model, batch, choices).Value;

    /// <summary>A(x) at one batch, with its products.</summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="batch">What the client holds.</param>
    /// <param name="choices">How choices fell; null is what the server must assume: images in order, no unit dropped.</param>
    public Linearization Linearize(VictimModel model, Batch batch, RandomChoices? choices = null) =>
        new GraphLinearization(model.Layout, batch, leaves => Update(model, leaves, choices ?? RandomChoices.None));

    /// <summary>The operator for many evaluations at batches of one size; the caller owns it and keeps the model alive.</summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="batch">Images in the batch, for the timing behind <see cref="OperatorChoice.Auto"/>.</param>
    /// <param name="choice">Which implementation.</param>
    /// <exception cref="AfterimageException">The chosen operator cannot be had.</exception>
    public virtual ForwardOperator Operator(VictimModel model, int batch, OperatorChoice choice = OperatorChoice.Auto) =>
        choice == OperatorChoice.Stepwise
            ? throw new AfterimageException(
                "The operator was asked for step by step, but this client takes one step: choose auto or autograd.")
            : OperatorChooser.Choose(this, model, batch, choice, Obstacle(model));

    /// <summary>What an attacker knows of noise that training itself adds to the update of a batch of this size.</summary>
    /// <param name="batch">Images.</param>
    public virtual Channel Way(int batch) => Channel.None;

    /// <summary>Why this local training of a model cannot be compiled, the beginning of a sentence, or null where it can.</summary>
    public abstract string? Obstacle(VictimModel model);

    /// <summary>
    /// The update is about this many times the gradient of the mean loss of an image: 1 for a gradient (the batch size where the loss is a
    /// sum), minus the rate times the number of steps for the difference that plain SGD leaves.
    /// </summary>
    public abstract double GradientFactor(int batch);

    /// <summary>What libtorch says where the update cannot be differentiated once more; null where it can.</summary>
    internal string? MissingDerivative(VictimModel model, int batch)
    {
        using var scope = Tidy.Scope();
        var gray = Gray(model, batch).Leaves();
        return Differentiate.Obstacle(Update(model, gray, RandomChoices.None), [gray.Inputs, gray.Targets]);
    }

    /// <summary>Images and labels that know nothing.</summary>
    internal static Batch Gray(VictimModel model, int batch) => new(
        full([batch, model.Input.Channels, model.Input.Height, model.Input.Width], 0.5, model.Type, model.Device),
        full([batch, model.Classes], 1.0 / model.Classes, model.Type, model.Device));

    /// <summary>Rows of dropout masks that a round of this many images needs: one for every time that an image enters a step.</summary>
    public abstract int MaskRows(int batch);

    /// <summary>The differentiable update, one tensor for each parameter.</summary>
    protected internal abstract IReadOnlyList<Tensor> Update(VictimModel model, Batch batch, RandomChoices choices);

    /// <summary>Draws what the client leaves to choices.</summary>
    protected internal virtual RandomChoices Draw(VictimModel model, int batch, RandomSource random) =>
        new(null, DrawMasks(model, batch, random));

    private protected Tensor? DrawMasks(VictimModel model, int batch, RandomSource random)
    {
        if (Mode == ModelMode.Eval || model.Network is not { MaskCount: > 0 } network)
            return null;
        using var generator = random.Derive("dropout").Generator(model.Device);
        var masks = rand([MaskRows(batch), network.MaskCount], ScalarType.Float32, model.Device, generator: generator);
        return (masks < network.KeepRates().to(model.Device)).to(model.Type);
    }

    /// <summary>The differentiable loss of a batch under these weights and masks.</summary>
    internal Tensor LossOf(VictimModel model, Batch batch, IReadOnlyList<Tensor>? parameters = null, Tensor? masks = null) =>
        Loss.Of(model.Logits(batch.Inputs, Mode, parameters, masks), batch.Targets);
}

/// <summary>What a client sends.</summary>
public enum UpdateKind
{
    /// <summary>The gradient of the mean loss.</summary>
    Gradient,

    /// <summary>Weights after local training minus weights before.</summary>
    WeightDifference,
}
