using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Audit.Clients;

/// <summary>
/// What a model was to say of the true images: a class for each, or targets of its outputs, such as the numbers of a regression and
/// labels that do not exclude one another.
/// </summary>
/// <param name="Labels">One class for each image: of targets the output with the largest.</param>
/// <param name="Targets">[B,outputs] row by row; null where classes say it all.</param>
internal sealed record TrueTargets(ValueList<int> Labels, ValueList<double>? Targets)
{
    /// <summary>Reads them from an array of class numbers [B], or of targets [B,outputs], for one output also [B].</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="labels">The array.</param>
    /// <param name="images">Images in the file.</param>
    /// <param name="outputs">Of the model.</param>
    /// <exception cref="AfterimageException">It is neither.</exception>
    public static TrueTargets Read(string path, NamedArray labels, int images, int outputs)
    {
        var numbers = labels.ToDouble();
        if (numbers.Length == (long)images * outputs && (outputs == 1 || labels.Shape.Count == 2))
            return Array.TrueForAll(numbers, double.IsFinite)
                ? new(numbers.Chunk(outputs).Select(row => Array.IndexOf(row, row.Max())).ToValueList(), numbers.ToValueList())
                : throw new AfterimageException(
                    $"{path}: \"{labels.Name}\" has targets that are not finite (NaN or infinite): export it again.");
        if (Array.Find(numbers, number => number != Math.Floor(number) || Math.Abs(number) > int.MaxValue) is not 0 and var odd)
            throw new AfterimageException(FormattableString.Invariant($"{path}: \"{labels.Name}\" holds {odd:G4}, which is no class ") +
                $"of a model of {outputs} outputs: give class numbers [{images}], or targets [{images},{outputs}].");
        return new(numbers.Select(number => (int)number).ToValueList(), null);
    }
}
