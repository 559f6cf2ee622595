using System.Numerics;

namespace Afterimage.Data;

/// <summary>Paints one image of dead leaves from front to back on a finer grid, averages it to pixels and blurs it slightly.</summary>
internal sealed class LeafPainter
{
    private const int Fine = 4;
    private const float Samples = Fine * Fine;
    private const int MostLeaves = 20_000;
    private const float Blur = 0.03f;
    private const int Tile = 16;

    private readonly ImageShape shape;
    private readonly LeafTexture texture;
    private readonly Random random;
    private readonly int width;
    private readonly int height;
    private readonly float extent;
    private readonly Vector3[] canvas;
    private readonly bool[] covered;

    /// <summary>Points of each tile that no leaf covers yet; leaves that come late find most tiles full.</summary>
    private readonly int[] free;
    private readonly int tiles;
    private readonly double hue;
    private readonly double key;
    private readonly Vector2 glow;
    private readonly Vector2 light;
    private int open;

    public LeafPainter(ImageShape shape, LeafTexture texture, Random random)
    {
        (this.shape, this.texture, this.random) = (shape, texture, random);
        (width, height) = (shape.Width * Fine, shape.Height * Fine);
        extent = Math.Min(width, height);
        canvas = new Vector3[width * height];
        covered = new bool[width * height];
        open = canvas.Length;
        tiles = (width + Tile - 1) / Tile;
        free = new int[tiles * ((height + Tile - 1) / Tile)];
        for (var place = 0; place < open; place++)
            free[TileOf(place % width, place / width)]++;
        hue = random.NextDouble() * 360;
        key = Between(0.25, 0.7);
        glow = new(random.Next(256), random.Next(256));
        light = Direction(random.NextDouble() * Math.Tau);
    }

    /// <summary>Pixels in [0,1], channel by channel.</summary>
    public float[] Paint(LeafClass front)
    {
        Lay(Front(front));
        var (smallest, largest) = (0.041f * extent, 0.9f * extent);
        for (var i = 0; open > 0 && i < MostLeaves; i++)
            Lay(Any(Radius(smallest, largest)));
        Lay(Any(4 * Math.Max(width, height)) with { Kind = LeafKind.Disk, Center = new(width / 2f, height / 2f) });
        return Develop();
    }

    private sealed record Leaf(LeafKind Kind, Vector2 Center, float Radius, double Turn, float Aspect, int Corners, Vector3 Color,
        float Contrast, float Grain);

    /// <summary>Inverts the distribution function of the density 1/r^3 between two radii.</summary>
    private float Radius(float smallest, float largest)
    {
        var (small, large) = (1 / (smallest * smallest), 1 / (largest * largest));
        return 1 / MathF.Sqrt(small + (float)random.NextDouble() * (large - small));
    }

    private Leaf Front(LeafClass front)
    {
        var spread = 0.6 * 180 / front.Families;
        var brightness = shape.Channels == 1 ? (front.Family + 0.2 + 0.6 * random.NextDouble()) / front.Families : Between(0.3, 0.7);
        var center = new Vector2((float)Between(0.35, 0.65) * width, (float)Between(0.35, 0.65) * height);
        return Make(front.Kind, center, (float)Between(0.24, 0.38) * extent,
            Tint(brightness, front.Hue + Between(-spread, spread), Between(0.45, 0.9)));
    }

    private Leaf Any(float radius)
    {
        var center = new Vector2((float)Between(-0.3, 1.3) * width, (float)Between(-0.3, 1.3) * height);
        // Leaves near one another are lit alike, and the hues of one picture belong together: most lie near one another, some opposite.
        var region = texture.At(glow.X + 12 * center.X / extent, glow.Y + 12 * center.Y / extent);
        var brightness = Math.Clamp(key + 0.1 * region + 0.2 * Gaussian(), 0.03, 0.97);
        var tone = hue + 35 * Gaussian() + (random.NextDouble() < 0.2 ? 180 : 0);
        return Make((LeafKind)random.Next(5), center, radius, Tint(brightness, tone, Between(0.05, 0.65)));
    }

    private Leaf Make(LeafKind kind, Vector2 center, float radius, Vector3 color) =>
        new(kind, center, radius, random.NextDouble() * Math.Tau,
            (float)Between(0.35, 0.75), 5 + random.Next(4), color, (float)Between(0.03, 0.14), (float)Between(0.6, 2.2));

    /// <summary>A color of given brightness, hue in degrees and saturation; every component stays in [0,1].</summary>
    private static Vector3 Tint(double brightness, double hue, double saturation)
    {
        var angle = hue * Math.PI / 180;
        var chroma = new Vector3((float)Math.Cos(angle), (float)Math.Cos(angle - Math.Tau / 3), (float)Math.Cos(angle + Math.Tau / 3));
        return new Vector3((float)brightness) + (float)(saturation * Math.Min(brightness, 1 - brightness)) * chroma;
    }

    private void Lay(Leaf leaf)
    {
        var (left, right) = ((int)Math.Max(0, leaf.Center.X - leaf.Radius), (int)Math.Min(width - 1, leaf.Center.X + leaf.Radius));
        var (top, bottom) = ((int)Math.Max(0, leaf.Center.Y - leaf.Radius), (int)Math.Min(height - 1, leaf.Center.Y + leaf.Radius));
        var along = Direction(leaf.Turn);
        var across = new Vector2(-along.Y, along.X);
        var offset = new Vector2(random.Next(256), random.Next(256));
        var grain = leaf.Grain * 64 / extent;
        for (var y = top; y <= bottom; y++)
            for (var x = left; x <= right; x++)
            {
                var (place, tile) = (y * width + x, TileOf(x, y));
                if (free[tile] == 0)
                    x |= Tile - 1;
                if (covered[place])
                    continue;
                var away = new Vector2(x + 0.5f, y + 0.5f) - leaf.Center;
                var own = new Vector2(Vector2.Dot(away, along), Vector2.Dot(away, across));
                if (!Covers(leaf, own / leaf.Radius))
                    continue;
                // Grain runs along the leaf; light falls from one side on all of them.
                var at = offset + grain * new Vector2(own.X * 0.6f, own.Y * 1.4f);
                var shade = 1 + 0.28f * Vector2.Dot(away, light) / leaf.Radius;
                canvas[place] = leaf.Color * shade + new Vector3(leaf.Contrast * texture.At(at.X, at.Y));
                covered[place] = true;
                free[tile]--;
                open--;
            }
    }

    private int TileOf(int x, int y) => y / Tile * tiles + x / Tile;

    /// <summary>
    /// Whether a point is on the leaf, in the leaf's own axes and in units of its radius; every leaf lies inside the unit disk.
    /// </summary>
    private static bool Covers(Leaf leaf, Vector2 p) => leaf.Kind switch
    {
        LeafKind.Disk => p.LengthSquared() <= 1,
        LeafKind.Square => Math.Max(Math.Abs(p.X), Math.Abs(p.Y)) <= 0.7071f,
        LeafKind.Rectangle => Math.Abs(p.X) <= 0.9f && Math.Abs(p.Y) <= 0.43f * leaf.Aspect / 0.75f,
        LeafKind.Triangle => Inside(p, 3),
        _ => Inside(p, leaf.Corners),
    };

    private static bool Inside(Vector2 p, int corners)
    {
        var sector = Math.Tau / corners;
        var angle = Math.Atan2(p.Y, p.X);
        var fromMiddle = angle - sector * (Math.Floor(angle / sector) + 0.5);
        return p.Length() * Math.Cos(fromMiddle) <= Math.Cos(sector / 2);
    }

    private float[] Develop()
    {
        var size = shape.Height * shape.Width;
        var pixels = new Vector3[size];
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                pixels[y / Fine * shape.Width + x / Fine] += Vector3.Clamp(canvas[y * width + x], Vector3.Zero, Vector3.One) / Samples;
        pixels = Blurred(Blurred(pixels, 1, shape.Width), shape.Width, shape.Height);
        var image = new float[shape.Count];
        for (var i = 0; i < size; i++)
            if (shape.Channels == 1)
                image[i] = Math.Clamp(ImageFile.Luma(pixels[i].X, pixels[i].Y, pixels[i].Z), 0, 1);
            else
                for (var channel = 0; channel < 3; channel++)
                    image[channel * size + i] = Math.Clamp(pixels[i][channel], 0, 1);
        return image;
    }

    private static Vector3[] Blurred(Vector3[] pixels, int step, int length)
    {
        var blurred = new Vector3[pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            var at = i / step % length;
            blurred[i] = (1 - 2 * Blur) * pixels[i] + Blur * (pixels[at > 0 ? i - step : i] + pixels[at < length - 1 ? i + step : i]);
        }
        return blurred;
    }

    private double Between(double low, double high) => low + (high - low) * random.NextDouble();

    private double Gaussian() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble());

    private static Vector2 Direction(double angle) => new((float)Math.Cos(angle), (float)Math.Sin(angle));
}
