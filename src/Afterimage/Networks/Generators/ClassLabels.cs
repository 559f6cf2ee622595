namespace Afterimage.Networks;

/// <summary>The classes of a batch as a network takes them.</summary>
internal static class ClassLabels
{
    /// <summary>Probabilities [B,classes]; equal ones where the labels are null.</summary>
    /// <exception cref="AfterimageException">The labels do not fit the batch or the classes.</exception>
    public static Tensor Probabilities(Tensor? labels, long batch, int classes, ScalarType type, Device device)
    {
        if (labels is null)
            return full([batch, classes], 1.0 / classes, type, device);
        if (labels.shape is [var count, var columns] && count == batch && columns == classes && labels.is_floating_point())
            return labels.to(type, device);
        if (labels.shape is [var numbers] && numbers == batch && !labels.is_floating_point())
            return nn.functional.one_hot(labels.to(ScalarType.Int64), classes).to(type, device);
        throw new AfterimageException($"Labels of {batch} images are {batch} whole numbers or probabilities [{batch},{classes}], not a " +
            $"tensor of shape [{string.Join(",", labels.shape)}].");
    }

    /// <summary>Refuses labels where there are no classes.</summary>
    /// <exception cref="AfterimageException">There are labels.</exception>
    public static void RefuseAny(Tensor? labels)
    {
        if (labels is not null)
            throw new AfterimageException("This network was trained without classes: give no labels, or train one on labeled images.");
    }
}
