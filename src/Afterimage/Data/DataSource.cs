namespace Afterimage.Data;

/// <summary>Where images come from.</summary>
public abstract record DataSource
{
    /// <summary>Finds the images; pixels are read when they are asked for.</summary>
    /// <exception cref="AfterimageException">They are absent or damaged; the message says what was sought where, and how to get it.</exception>
    public abstract ImageSet Open();
}

public enum Split { Train, Test }

/// <summary>One image and its class.</summary>
/// <param name="Pixels">In [0,1]; channel by channel, each row by row.</param>
public readonly record struct LabeledImage(float[] Pixels, int Label);

/// <summary>A list of labeled images of one shape, read one at a time.</summary>
public abstract class ImageSet(string name, ImageShape shape, int count, ValueList<string> classNames)
{
    public string Name { get; } = name;

    public ImageShape Shape { get; } = shape;

    public int Count { get; } = count;

    public ValueList<string> ClassNames { get; } = classNames;

    /// <exception cref="AfterimageException">The index is outside the set, or the image is damaged.</exception>
    public LabeledImage this[int index] => index >= 0 && index < Count ? Read(index)
        : throw new AfterimageException($"{Name} has the images 0 to {Count - 1}; there is no image {index}.");

    protected abstract LabeledImage Read(int index);
}
