namespace Afterimage.Attacks;

/// <summary>
/// What a few pieces make of an image, as a function that is linear between kinks, and the weight gradients of its convolutions, which are
/// linear as well while no kink is crossed. Products belong to the point of the last <see cref="At"/>.
/// </summary>
internal sealed class FeatureMap : IDisposable
{
    private readonly RectifiedChain chain;
    private readonly bool normalizes;
    private readonly Part[] parts;

    /// <param name="chain">It normalizes images.</param>
    /// <param name="pieces">One behind the other.</param>
    /// <param name="fromImage">Whether the first takes in the image.</param>
    public FeatureMap(RectifiedChain chain, IEnumerable<RectifiedPiece> pieces, bool fromImage = true)
    {
        (this.chain, normalizes) = (chain, fromImage);
        parts = [.. pieces.Select(piece => new Part(piece))];
    }

    /// <summary>Whether the weight gradients are known as functions of the image, since <see cref="Settle"/>.</summary>
    public bool HasGradients { get; private set; }

    /// <param name="images">[1,C,H,W] in [0,1], in the precision of the pieces.</param>
    /// <param name="softness">Softness of the gates in products, see <see cref="Passing"/>.</param>
    public Tensor At(Tensor images, double softness) =>
        Tidy.Keep(() =>
        parts.Aggregate(normalizes ? chain.Model.Normalize(images) : images.alias(), (x, part) => part.At(x, softness)));

    /// <summary>Fixes dL/dz of every convolution near the last point.</summary>
    /// <param name="gradient">dL/d features, times a scale.</param>
    /// <param name="scale">The scale.</param>
    public void Settle(Tensor gradient, double scale)
    {
        using var scope = Tidy.Scope();
        foreach (var part in parts.Reverse())
            gradient = part.Settle(gradient, scale);
        HasGradients = true;
    }

    /// <summary>What is left of each convolution's weight gradient at the last point, [outputs,inputs,kernel,kernel].</summary>
    public Tensor[] Open() => HasGradients ? [.. parts.Select(part => part.Open()).OfType<Tensor>()] : [];

    /// <summary>The change of the features along a change of the images, and that of the weight gradients.</summary>
    public (Tensor Features, Tensor[] Gradients) Push(Tensor change)
    {
        var gradients = new List<Tensor>();
        var x = normalizes ? chain.Model.NormalizeChange(change) : change;
        foreach (var part in parts)
        {
            if (HasGradients && part.Gradient(x) is { } gradient)
                gradients.Add(gradient);
            x = part.Passing.Push(x);
        }
        return (x, [.. gradients]);
    }

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public Tensor Pull(Tensor features, Tensor[] gradients)
    {
        var next = gradients.Length;
        foreach (var part in parts.Reverse())
        {
            features = part.Passing.Pull(features);
            if (HasGradients && part.Tells)
                features = features + part.PullGradient(gradients[--next]);
        }
        return normalizes ? chain.Model.NormalizeChange(features) : features;
    }

    public void Dispose()
    {
        foreach (var part in parts)
            part.Dispose();
    }

    /// <summary>One piece at the last point.</summary>
    private sealed class Part(RectifiedPiece piece) : IDisposable
    {
        private readonly RectifiedBlock? block =
            piece is RectifiedBlock { Batch: null } own && own.WeightGradient.norm().ToDouble() > 0 ? own : null;

        private Tensor? input;
        private Tensor? arriving;
        private Tensor? target;

        public Passing Passing { get; } = piece.Follow();

        public bool Tells => block is not null;

        public Tensor At(Tensor x, double softness)
        {
            Kept.Replace(ref input, x.alias());
            return Passing.At(x, softness);
        }

        public Tensor Settle(Tensor gradient, double scale)
        {
            if (block is null)
                return Passing.Pull(gradient);
            Kept.Replace(ref arriving, Passing.Arriving(gradient));
            if (target is null)
                Kept.Replace(ref target, (block.WeightGradient * scale).to(gradient.dtype));
            return block.Back(arriving!);
        }

        public Tensor? Open() => block is null ? null : target! - Gradient(input!)!;

        public Tensor? Gradient(Tensor change) => block?.Map.WeightGradient(change, arriving!);

        public Tensor PullGradient(Tensor open) => block!.Map.Transpose(open, arriving!);

        public void Dispose()
        {
            Passing.Dispose();
            input?.Dispose();
            arriving?.Dispose();
            target?.Dispose();
        }
    }
}
