namespace Afterimage.Data;

/// <summary>Where images come from.</summary>
public abstract record DataSource
{
    /// <summary>Finds the images; pixels are read when they are asked for.</summary>
    /// <exception cref="AfterimageException">They are absent or damaged; says what was searched where, and how to get it.</exception>
    public abstract ImageSet Open();
}

/// <summary>The parts of a benchmark data set.</summary>
public enum Split
{
    /// <summary>The training images.</summary>
    Train,

    /// <summary>The test images.</summary>
    Test,
}

/// <summary>One image and its class.</summary>
/// <param name="Pixels">In [0,1], in the order [C,H,W].</param>
/// <param name="Label">Its class, from 0.</param>
public readonly record struct LabeledImage(float[] Pixels, int Label);

/// <summary>A list of labeled images of one shape, read one at a time.</summary>
/// <param name="name">What errors and reports call it.</param>
/// <param name="shape">Shape of every image.</param>
/// <param name="count">How many images there are.</param>
/// <param name="classNames">The name of each class.</param>
public abstract class ImageSet(string name, ImageShape shape, int count, ValueList<string> classNames)
{
    /// <summary>What errors and reports call it.</summary>
    public string Name { get; } = name;

    /// <summary>Shape of every image.</summary>
    public ImageShape Shape { get; } = shape;

    /// <summary>How many images there are.</summary>
    public int Count { get; } = count;

    /// <summary>The name of each class.</summary>
    public ValueList<string> ClassNames { get; } = classNames;

    /// <summary>One image, from 0 to <see cref="Count"/> - 1.</summary>
    /// <exception cref="AfterimageException">The index is outside the set, or the image is damaged.</exception>
    public LabeledImage this[int index] => index >= 0 && index < Count ? Read(index)
        : throw new AfterimageException($"{Name} has the images 0 to {Count - 1}; there is no image {index}.");

    /// <summary>Reads the image of an index that is known to be inside the set.</summary>
    protected abstract LabeledImage Read(int index);
}
