namespace Afterimage.Data;

internal enum LeafKind { Disk, Square, Rectangle, Triangle, Polygon }

/// <summary>The class of an image: the kind of the leaf in front, and its color family, of how many families.</summary>
internal readonly record struct LeafClass(LeafKind Kind, int Family, int Families)
{
    private const int Kinds = 5;

    public static LeafClass Of(int label, int classes) => new((LeafKind)(label % Kinds), label / Kinds, (classes + Kinds - 1) / Kinds);

    /// <summary>The middle of the family's hues, in degrees; 30 (orange) for the first.</summary>
    public double Hue => 30 + 360.0 * Family / Families;

    public string Name(bool color)
    {
        var kind = Kind.ToString().ToLowerInvariant();
        return (Families, color) switch
        {
            (1, _) => kind,
            (2, true) => $"{(Family == 0 ? "warm" : "cool")} {kind}",
            (2, false) => $"{(Family == 0 ? "dark" : "bright")} {kind}",
            (_, true) => $"{kind} of hue {Hue % 360:0}",
            _ => $"{kind} of brightness {Family + 1} of {Families}",
        };
    }
}
