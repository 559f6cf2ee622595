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
    [Range(1, 4096)]
    public int Width { get; init; } = 32;

    /// <summary>Doublings of the resolution; the noise has the image's side divided by two as often.</summary>
    [Range(0, 6)]
    public int Doublings { get; init; } = 2;

    /// <inheritdoc/>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        new WeightSearch(context, Width, Doublings, random);

    private sealed class WeightSearch : Search
    {
        private readonly Tensor noise;
        private readonly Unknowns weights;
        private readonly long[][] sizes;

        public WeightSearch(AttackContext context, int width, int doublings, RandomSource random)
        {
            var (type, device) = (context.Model.Type, context.Model.Device);
            var shape = context.ImagesShape;
            sizes = [.. Enumerable.Range(0, doublings + 1).Reverse()
                .Select(level => new[] { Divided(shape[2], level), Divided(shape[3], level) })];
            using var generator = random.Derive("generator").Generator(device);
            Tensor Normal(params long[] dimensions) => randn(dimensions, ScalarType.Float32, device, generator: generator).to(type);
            noise = Normal(shape[0], width, sizes[0][0], sizes[0][1]);
            var blocks = new List<Block>();
            for (var level = 0; level < sizes.Length; level++)
            {
                blocks.Add(new($"filters {level}", Normal(width, width, 3, 3) / Math.Sqrt(width * 9)));
                blocks.Add(new($"scale {level}", ones([width], type, device)));
                blocks.Add(new($"shift {level}", zeros([width], type, device)));
            }
            blocks.Add(new("colors", Normal(shape[1], width, 1, 1) / Math.Sqrt(width)));
            blocks.Add(new("background", zeros([shape[1]], type, device)));
            weights = new(blocks);
        }

        public override Tensor Start => weights.Start;

        /// <summary>At each resolution a convolution, instance normalization and a smooth activation; last a 1 x 1 convolution.</summary>
        public override Tensor Decode(Tensor variables)
        {
            Tensor Weight(string name) => weights.Values(variables, name);
            var x = noise;
            for (var level = 0; level < sizes.Length; level++)
            {
                if (level > 0)
                    x = nn.functional.interpolate(x, sizes[level], mode: InterpolationMode.Bilinear, align_corners: false);
                x = nn.functional.conv2d(x, Weight($"filters {level}"), null, padding: [1L, 1]);
                x = nn.functional.group_norm(x, 1, Weight($"scale {level}"), Weight($"shift {level}"));
                x = nn.functional.silu(x);
            }
            return nn.functional.conv2d(x, Weight("colors"), Weight("background")).sigmoid();
        }

        // The sigmoid keeps images in [0,1] by itself.
        public override bool Project(Tensor variables) => false;

        private static long Divided(long size, int level) => Math.Max(1, (size + (1L << level) - 1) >> level);
    }
}
