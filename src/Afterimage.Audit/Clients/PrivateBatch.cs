using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>The truth: what a client trains on and an attack looks for. No type of the attacker's assembly can name it.</summary>
public sealed class PrivateBatch
{
    private const float Rounding = 1e-5f;

    private readonly ImageBatch? trained;

    /// <summary>Checks that images and labels fit together.</summary>
    /// <param name="shape">The shape of every image.</param>
    /// <param name="images">One array of C x H x W values in [0,1] for each image.</param>
    /// <param name="labels">One class for each image.</param>
    /// <param name="classNames">A name for each class.</param>
    /// <exception cref="AfterimageException">
    /// There are no images, values leave [0,1], or images, labels and classes do not fit together.
    /// </exception>
    public PrivateBatch(ImageShape shape, IReadOnlyList<float[]> images, ValueList<int> labels, ValueList<string> classNames)
    {
        if (images.Count == 0)
            throw new AfterimageException("The private batch has no images: give it at least one.");
        if (labels.Count != images.Count)
            throw new AfterimageException(
                $"The private batch has {images.Count} images and {labels.Count} labels: give one label for each image.");
        for (var i = 0; i < images.Count; i++)
        {
            CheckRange(i, images[i]);
            if (labels[i] < 0 || labels[i] >= classNames.Count)
                throw new AfterimageException(
                    $"Image {i} of the private batch has label {labels[i]}, but classes go from 0 to {classNames.Count - 1}.");
        }
        Images = new(shape, images);
        Labels = labels;
        ClassNames = classNames;
    }

    /// <summary>The images that an attack looks for.</summary>
    public ImageBatch Images { get; }

    /// <summary>What the client trains on in their place; the images themselves where it does not encrypt them.</summary>
    public ImageBatch Trained { get => trained ?? Images; init => trained = value; }

    /// <summary>One class for each image.</summary>
    public ValueList<int> Labels { get; }

    /// <summary>A name for each class.</summary>
    public ValueList<string> ClassNames { get; }

    /// <summary>
    /// Targets of the outputs, [B,classes] row by row: probabilities where the client mixed or smoothed labels, any numbers in a
    /// regression; null for one-hot labels.
    /// </summary>
    public ValueList<double>? Soft { get; init; }

    /// <summary>Images in the batch.</summary>
    public int Count => Images.Count;

    private static void CheckRange(int index, float[] values)
    {
        foreach (var value in values)
            if (!(value >= -Rounding && value <= 1 + Rounding))
                throw new AfterimageException($"Image {index} of the private batch holds the value {value}: " +
                    "images are given in [0,1], so divide bytes by 255 and undo any normalization.");
    }
}
