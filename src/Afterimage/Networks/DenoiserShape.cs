using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>The layers of an FFDNet.</summary>
/// <param name="Channels">Channels of an image.</param>
/// <param name="Width">Channels between the layers; 96 in the published color network.</param>
/// <param name="Depth">Number of 3x3 convolutions; 12 in the published color network.</param>
/// <param name="Residual">Whether the output is added to the image; FFDNet's output is the image itself.</param>
public sealed record DenoiserShape(int Channels, int Width, int Depth, bool Residual = false)
{
    private const string Image = "model", Correction = "residual";

    /// <summary>
    /// The parameters, named as in the published weights: model.0.weight, model.0.bias, model.2.weight, ..., or residual.0.weight, ...
    /// </summary>
    internal TensorLayout Layout => new(Enumerable.Range(0, Depth).SelectMany(Tensors));

    /// <summary>The shape of the network that a file holds.</summary>
    /// <exception cref="AfterimageException">The file's arrays are not those of a denoiser.</exception>
    internal static DenoiserShape Of(ArrayFile file)
    {
        foreach (var kind in (string[])[Image, Correction])
        {
            var weight = file.Arrays.FirstOrDefault(array => array.Name == $"{kind}.0.weight");
            if (weight is { Shape: [> 0 and var width, > 1 and var inputs, 3, 3] } && inputs % 4 == 1 && file.Arrays.Count >= 4)
                return new((int)(inputs - 1) / 4, (int)width, file.Arrays.Count / 2, kind == Correction);
        }
        throw new AfterimageException($"{file.Path} is no denoiser: it needs 3x3 convolutions {Image}.0, {Image}.2, ... " +
            "as FFDNet has them; \"afterimage train denoiser\" makes one.");
    }

    private IEnumerable<(string, long[])> Tensors(int layer)
    {
        var (inputs, outputs) = (layer == 0 ? 4 * Channels + 1 : Width, layer == Depth - 1 ? 4 * Channels : Width);
        var name = $"{(Residual ? Correction : Image)}.{2 * layer}";
        yield return ($"{name}.weight", [outputs, inputs, 3, 3]);
        yield return ($"{name}.bias", [outputs]);
    }
}
