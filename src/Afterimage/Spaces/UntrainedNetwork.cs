using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>
/// The weights of an untrained convolutional generator (Ulyanov et al., 2018), one for the whole batch, in front of fixed noise of
/// each image: what it draws easily is smooth and repeats itself as photographs do. The start's images are not used.
/// </summary>
[Cites("ulyanov2018deep")]
public sealed record UntrainedNetwork : SearchSpace
{
    /// <summary>Channels of every layer.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Doublings of the resolution; the noise has the image's side divided by two as often.</summary>
    public int Doublings { get; init; } = 2;

    public override Search Open(AttackContext context, Tensor start, RandomSource random) => Width is >= 1 and <= 4096 && Doublings is >= 0 and <= 6
        ? new WeightSearch(context, Width, Doublings, random)
        : throw new AfterimageException($"An untrained network has a width of 1 to 4096 and 0 to 6 doublings; it has {Width} and {Doublings}.");

    private sealed class WeightSearch : Search
    {
        private readonly Tensor noise;
        private readonly List<(long Offset, long[] Shape)> places = [];
        private readonly long[][] sizes;

        public WeightSearch(AttackContext context, int width, int doublings, RandomSource random)
        {
            var (type, device) = (context.Model.Type, context.Model.Device);
            var shape = context.ImagesShape;
            sizes = [.. Enumerable.Range(0, doublings + 1).Reverse().Select(level => new[] { Divided(shape[2], level), Divided(shape[3], level) })];
            using var generator = random.Derive("generator").Generator(device);
            Tensor Normal(params long[] dimensions) => randn(dimensions, ScalarType.Float32, device, generator: generator).to(type);
            noise = Normal(shape[0], width, sizes[0][0], sizes[0][1]);
            var weights = new List<Tensor>();
            void Add(Tensor initial)
            {
                places.Add((weights.Sum(weight => weight.numel()), initial.shape));
                weights.Add(initial.reshape(-1));
            }
            for (var block = 0; block < sizes.Length; block++)
            {
                Add(Normal(width, width, 3, 3) / Math.Sqrt(width * 9));
                Add(ones([width], type, device));
                Add(zeros([width], type, device));
            }
            Add(Normal(shape[1], width, 1, 1) / Math.Sqrt(width));
            Add(zeros([shape[1]], type, device));
            Start = cat(weights);
        }

        public override Tensor Start { get; }

        /// <summary>Convolution, normalization of every image by itself, a smooth activation, at each resolution; one pixel's mix in the end.</summary>
        public override Tensor Decode(Tensor variables)
        {
            var weights = places.Select(place => Part(variables, place.Offset, place.Shape)).ToArray();
            var x = noise;
            for (var block = 0; block < sizes.Length; block++)
            {
                if (block > 0)
                    x = nn.functional.interpolate(x, sizes[block], mode: InterpolationMode.Bilinear, align_corners: false);
                x = nn.functional.conv2d(x, weights[3 * block], null, padding: [1L, 1]);
                x = nn.functional.group_norm(x, 1, weights[3 * block + 1], weights[3 * block + 2]);
                x = nn.functional.silu(x);
            }
            return nn.functional.conv2d(x, weights[^2], weights[^1]).sigmoid();
        }

        public override Tensor Pullback(Tensor variables, Tensor imageGradient)
        {
            var leaf = variables.detach().requires_grad_();
            return Differentiate.Products([Decode(leaf)], [leaf], [imageGradient])[0];
        }

        // The sigmoid keeps images in [0,1] by itself.
        public override bool Project(Tensor variables) => false;

        private static long Divided(long size, int level) => Math.Max(1, (size + (1L << level) - 1) >> level);

        private static Tensor Part(Tensor variables, long offset, long[] shape) =>
            variables.narrow(0, offset, shape.Aggregate(1L, (product, size) => product * size)).view(shape);
    }
}
