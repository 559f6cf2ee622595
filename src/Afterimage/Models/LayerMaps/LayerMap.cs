namespace Afterimage.Models;

/// <summary>
/// What a linear layer or a convolution does, without its bias: W x, linear in the weight W and in the input x, with the products and
/// the equations that follow from it. For a single image and a known g = dL/dz, dL/dW is linear in x as well, K x = dL/dW: K is the
/// same for every input channel, so that x is laid out in columns, one for a channel.
/// </summary>
public abstract class LayerMap
{
    private protected LayerMap(Layer layer, long[] input, int groups)
    {
        (Input, Output, Groups) = (input, layer.Follow(input), groups);
        Places = input.Length == 2 ? input[0] : input.Aggregate(1L, (product, size) => product * size) / input[0];
        Channels = (input.Length == 2 ? input[1] : input[0]) / groups;
    }

    /// <summary>The shape of one x, [features], [tokens,features] or [C,H,W].</summary>
    public long[] Input { get; }

    /// <summary>The shape of one W x, [outputs], [tokens,outputs] or [outputs,H',W'].</summary>
    public long[] Output { get; }

    /// <summary>Groups of channels that do not mix; each has a system of its own.</summary>
    public int Groups { get; }

    /// <summary>Input channels of one group; the features of a linear layer count as channels.</summary>
    public long Channels { get; }

    /// <summary>Numbers of one input channel: the unknowns of a system.</summary>
    public long Places { get; }

    /// <summary>Numbers of dL/dW for one input channel: the rows of a system.</summary>
    public abstract long Equations { get; }

    /// <summary>The map of a layer.</summary>
    /// <param name="layer">Linear or Conv2d.</param>
    /// <param name="input">The shape of one x.</param>
    /// <exception cref="AfterimageException">The layer has no weight that multiplies its input, or does not take the shape.</exception>
    public static LayerMap Of(Layer layer, long[] input) => layer switch
    {
        Linear linear => new LinearMap(linear, input),
        Conv2d convolution => new ConvolutionMap(convolution, input),
        _ => throw new AfterimageException($"{layer.GetType().Name} has no weight that multiplies its input: use gradient matching."),
    };

    /// <summary>W x, [B,*Output], plus a bias where one is given.</summary>
    /// <param name="weight">W.</param>
    /// <param name="x">[B,*Input].</param>
    /// <param name="bias">[outputs].</param>
    public abstract Tensor Apply(Tensor weight, Tensor x, Tensor? bias = null);

    /// <summary>W' g, [B,*Input]: dL/dx.</summary>
    /// <param name="weight">W.</param>
    /// <param name="gradient">g = dL/dz, [B,*Output].</param>
    public abstract Tensor Transpose(Tensor weight, Tensor gradient);

    /// <summary>dL/dW, in the shape of W: the sum over the batch.</summary>
    /// <param name="x">[B,*Input].</param>
    /// <param name="gradient">g = dL/dz, [B,*Output].</param>
    public abstract Tensor WeightGradient(Tensor x, Tensor gradient);

    /// <summary>K of one group, [Equations,Places]. Zeros of the padding never enter.</summary>
    /// <param name="gradient">g = dL/dz of a single image, [1,*Output].</param>
    /// <param name="group">Which.</param>
    public abstract Tensor System(Tensor gradient, int group = 0);

    /// <summary>The right side of one group's system, [Equations,Channels].</summary>
    /// <param name="weightGradient">dL/dW.</param>
    /// <param name="group">Which.</param>
    public abstract Tensor Target(Tensor weightGradient, int group = 0);

    /// <summary>The unknowns of one group's system, [Places,Channels].</summary>
    /// <param name="x">[1,*Input].</param>
    /// <param name="group">Which.</param>
    public virtual Tensor Columns(Tensor x, int group = 0) => x.reshape(Input[0], Places).narrow(0, group * Channels, Channels).t();

    /// <summary>Undoes <see cref="Columns"/> for a layer of one group: [Places,Channels] to [1,*Input].</summary>
    /// <param name="columns">[Places,Channels].</param>
    public virtual Tensor Image(Tensor columns) => columns.t().reshape([1, .. Input]);

    /// <summary>K x of one group, [Equations,Channels].</summary>
    /// <param name="system">K, [Equations,Places].</param>
    /// <param name="x">[1,*Input].</param>
    /// <param name="group">Which.</param>
    public Tensor Times(Tensor system, Tensor x, int group = 0) => system.matmul(Columns(x, group));
}
