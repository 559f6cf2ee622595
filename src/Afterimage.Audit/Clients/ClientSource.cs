using Afterimage.Data;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>Where the update of an audit comes from: a client simulated here, or one that sent a file.</summary>
public abstract record ClientSource
{
    /// <summary>
    /// Images that anyone may know, for the no-information baselines; null takes images of the client's own source that it
    /// does not hold, or <see cref="DeadLeaves"/> for an update file.
    /// </summary>
    public DataSource? Public { get; init; }

    /// <summary>Runs the client's side of one round.</summary>
    /// <param name="model">The shared model.</param>
    /// <param name="trial">Which of the experiment's independent batches.</param>
    /// <param name="random">The experiment's seed.</param>
    /// <param name="device">Where the model lives.</param>
    /// <param name="watch">Told what the client is at.</param>
    /// <exception cref="AfterimageException">Data, model and update do not fit together.</exception>
    public abstract ClientRound Open(
        ModelSource model, int trial, RandomSource random, Device device, Action<Phase>? watch = null);

    /// <summary>Images of one batch, where its settings say; null otherwise.</summary>
    public virtual int? ExpectedBatch() => null;

    /// <summary>Why a model is none to audit this client against, in one sentence; null where nothing is in the way.</summary>
    public virtual string? Fault(ModelSource model) => null;

    /// <summary>Public images: at most 300, chosen by the seed.</summary>
    private protected static ImageBatch PublicImages(ImageSet images, IReadOnlyCollection<int> hidden, RandomSource random)
    {
        // Large images take long to draw and to compare.
        var most = images.Shape.Count > Large ? 100 : 300;
        var order = Enumerable.Range(0, images.Count).Where(index => !hidden.Contains(index)).ToArray();
        random.Derive("public").Managed().Shuffle(order);
        return new(images.Shape, order.Take(most).Select(index => images[index].Pixels));
    }

    /// <summary>Images that an attacker can learn a covariance from; fewer than a thousand say less than photographs as such.</summary>
    /// <summary>Numbers of an image of 64 x 64 pixels in three channels.</summary>
    private const int Large = 12_288;

    private protected static ImageSet? Known(ImageSet? images) => images is { Count: >= 1000 } ? images : null;

    private protected static ImageBatch PublicImages(DataSource source, ImageShape shape, RandomSource random)
    {
        return PublicImages(Fitting(source, shape), [], random);
    }

    internal static ImageSet Fitting(DataSource source, ImageShape shape)
    {
        var images = source.Open();
        return images.Shape == shape ? images : throw new AfterimageException(
            $"The public images have shape {images.Shape}, the client's {shape}: choose public images of that shape.");
    }
}
