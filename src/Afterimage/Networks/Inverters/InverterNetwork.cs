namespace Afterimage.Networks;

/// <summary>
/// A network from hashed updates to the images behind them. How many there are is an input: each of the first so many places of its output
/// becomes one image, in an order of its own.
/// </summary>
/// <param name="shape">Sizes.</param>
/// <param name="widths">Numbers of every part of the hashed update.</param>
internal abstract class InverterNetwork(InverterShape shape, ValueList<int> widths)
{
    private TensorLayout? layout;

    /// <summary>Names and shapes of the parameters.</summary>
    public TensorLayout Layout => layout ??= new(Tensors());

    private protected InverterShape Shape => shape;

    private protected ValueList<int> Widths => widths;

    /// <summary>Numbers of the hashed update, and of the number of images where it is not always one.</summary>
    private protected int Inputs => widths.Sum() + (shape.Batch > 1 ? shape.Batch : 0);

    private protected abstract IEnumerable<(string, long[])> Tensors();

    /// <summary>Images [N,count,C,S,S] in [0,1].</summary>
    /// <param name="parameters">As in <see cref="Layout"/>.</param>
    /// <param name="updates">Standardized sketches, [N,sum of the widths].</param>
    /// <param name="count">Images behind each update, from 1 to the shape's batch.</param>
    public abstract Tensor Images(ParameterViews parameters, Tensor updates, int count);

    /// <summary>The standard deviation of a layer's output for inputs of deviation 1, before training.</summary>
    private protected abstract double Gain(string name);

    /// <summary>Weights of a network to be trained.</summary>
    public Tensor Initial(RandomSource random) => InitialWeights.Normal(Layout, random, Gain);

    private protected static Tensor Dense(ParameterViews parameters, string layer, Tensor input) =>
        nn.functional.linear(input, parameters[$"{layer}.weight"], parameters[$"{layer}.bias"]);

    private protected static IEnumerable<(string, long[])> Dense(string layer, long outputs, long inputs) =>
        [($"{layer}.weight", [outputs, inputs]), ($"{layer}.bias", [outputs])];

    /// <summary>The update with the number of images beside it, [N,Inputs].</summary>
    private protected Tensor WithCount(Tensor updates, int count)
    {
        if (shape.Batch == 1)
            return updates;
        var number = zeros(updates.shape[0], shape.Batch, dtype: updates.dtype, device: updates.device);
        number.select(1, count - 1).fill_(1);
        return cat([updates, number], 1);
    }
}
