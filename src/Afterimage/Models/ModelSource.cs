using Afterimage.Numerics.Arrays;

namespace Afterimage.Models;

/// <summary>Where the shared model comes from: a built-in architecture or a file.</summary>
public abstract record ModelSource
{
    /// <summary>A file of named weights (torch.save, safetensors or .npz); null keeps a model file's, or draws them.</summary>
    public string? Weights { get; init; }

    /// <summary>Channel means and deviations of the client's normalization; null leaves images in [0,1].</summary>
    public Normalization? Normalization { get; init; }

    /// <summary>Builds the model for images of one shape.</summary>
    /// <param name="input">Shape of one image.</param>
    /// <param name="classes">Outputs of the head.</param>
    /// <param name="random">Seed of the initialization.</param>
    /// <param name="type">float32 or float64.</param>
    /// <param name="device">Where the model lives.</param>
    /// <exception cref="AfterimageException">The architecture does not fit the images, or a file does not fit the architecture.</exception>
    public abstract VictimModel Open(ImageShape input, int classes, RandomSource random, ScalarType type, Device device);

    /// <summary>What the model's file says of images and classes, where nobody else does.</summary>
    /// <param name="input">The shape of one image where it is known already.</param>
    public virtual ModelShapes Shapes(ImageShape? input = null) => ModelShapes.Unknown;

    /// <summary>The weights of the file by the model's names; empty where no file is given.</summary>
    private protected IReadOnlyDictionary<string, NamedArray> Stored(IEnumerable<(string Name, long[] Shape)> expected) =>
        Weights is null ? new Dictionary<string, NamedArray>() : Numerics.Arrays.Weights.Load(Weights, expected);
}
