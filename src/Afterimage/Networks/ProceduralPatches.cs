using Afterimage.Data;

namespace Afterimage.Networks;

/// <summary>
/// Square training patches without any photograph: crops of dead leaves of several sizes, painted once, and at each draw rotated,
/// recolored, sharpened or blurred, unevenly lit and mixed with colored 1/f noise.
/// </summary>
internal sealed class ProceduralPatches : IDisposable
{
    private static readonly int[] Sides = [32, 64, 96, 160];
    private const int TextureSide = 128;
    private readonly int side;
    private readonly Tensor[] banks;
    private readonly Tensor textures;

    /// <param name="images">About how many images to paint, in units of 64x64 pixels.</param>
    /// <param name="side">Side of a patch in pixels.</param>
    /// <param name="random">Seed of the images.</param>
    /// <param name="cancellation">Stops the painting with an <see cref="OperationCanceledException"/>.</param>
    public ProceduralPatches(int images, int side, RandomSource random, CancellationToken cancellation = default)
    {
        using var scope = Tidy.Scope();
        this.side = side;
        // The same number of pixels of every size.
        var pixels = (double)images * 64 * 64 / Sides.Length;
        banks = [.. Sides.Where(bank => bank >= side).DefaultIfEmpty(side).Select(bank =>
            Paint(bank, Math.Max(1, (int)(pixels / bank / bank)), random.Derive("leaves", bank), cancellation).DetachFromDisposeScope())];
        textures = Textures(Math.Max(4, images / 32), random.Derive("textures")).DetachFromDisposeScope();
    }

    /// <summary>Patches [count,3,side,side] in [0,1].</summary>
    public Tensor Draw(int count, RandomSource random)
    {
        var draw = random.Managed();
        using var generator = random.Derive("pixels").Generator(CPU);
        Tensor Uniform(double low, double high) => rand([count, 1, 1, 1], generator: generator) * (high - low) + low;
        var patches = stack([.. Enumerable.Range(0, count).Select(_ => Crop(banks[draw.Next(banks.Length)], draw))]);
        var grain = stack([.. Enumerable.Range(0, count).Select(_ => Crop(textures, draw))]);
        // Mostly a little 1/f noise, sometimes nothing else.
        var rough = Uniform(0, 1).pow(6) * 0.3;
        patches = patches + grain * rough;
        patches = Sharpened(patches, Uniform(-0.8, 1));
        var gray = patches.mean([1, 2, 3], keepdim: true);
        patches = (patches - gray) * Uniform(0.3, 1.6) + gray + Uniform(-0.15, 0.15);
        var luma = patches.mean([1], keepdim: true);
        patches = luma + (patches - luma) * Uniform(0, 1.1);
        return patches.clamp(0, 1);
    }

    private Tensor Crop(Tensor bank, Random draw)
    {
        var (top, left) = (draw.Next((int)bank.shape[2] - side + 1), draw.Next((int)bank.shape[3] - side + 1));
        var patch = bank[draw.Next((int)bank.shape[0])].narrow(1, top, side).narrow(2, left, side);
        if (draw.Next(2) == 0)
            patch = patch.transpose(1, 2);
        patch = patch.flip([.. new long[] { 1, 2 }.Where(_ => draw.Next(2) == 0)]);
        // A random order of the channels, so that all hues are equally frequent.
        var first = draw.Next(3);
        var step = 1 + draw.Next(2);
        return stack([patch[first], patch[(first + step) % 3], patch[(first + 2 * step) % 3]]);
    }

    /// <summary>x + a (x - blurred x), which sharpens for a above 0 and blurs for a below.</summary>
    private static Tensor Sharpened(Tensor patches, Tensor amount)
    {
        var blurred = nn.functional.avg_pool2d(nn.functional.pad(patches, [1, 1, 1, 1], PaddingModes.Replicate), 3, stride: 1);
        return patches + amount * (patches - blurred);
    }

    private static Tensor Paint(int side, int count, RandomSource random, CancellationToken cancellation)
    {
        var images = new DeadLeaves { Shape = new(3, side, side), Count = count, Seed = random.Seed }.Open();
        return stack([.. Enumerable.Range(0, count).Select(i =>
        {
            cancellation.ThrowIfCancellationRequested();
            return tensor(images[i].Pixels, 3, side, side);
        })]);
    }

    /// <summary>Gaussian noise with amplitude 1/f^a, a from 0.8 to 1.6, and correlated channels; mean 0, variance 1.</summary>
    private static Tensor Textures(int count, RandomSource random)
    {
        using var generator = random.Generator(CPU);
        var along = fft.fftfreq(TextureSide) * TextureSide;
        var frequency = (along.view(-1, 1).square() + along.narrow(0, 0, TextureSide).view(1, -1).square()).sqrt().clamp_min(1);
        var exponent = rand([count, 1, 1, 1], generator: generator) * 0.8 + 0.8;
        var white = randn([count, 3, TextureSide, TextureSide], generator: generator);
        var shared = 1 - rand([count, 1, 1, 1], generator: generator).square();
        white = white * (1 - shared) + white.narrow(1, 0, 1) * shared;
        var noise = fft.ifft2(fft.fft2(white) * frequency.pow(-exponent)).real;
        noise = noise - noise.mean([1, 2, 3], keepdim: true);
        return noise / noise.square().mean([1, 2, 3], keepdim: true).sqrt();
    }

    public void Dispose()
    {
        textures.Dispose();
        foreach (var bank in banks)
            bank.Dispose();
    }
}
