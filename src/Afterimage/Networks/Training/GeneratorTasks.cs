using Afterimage.Data;

namespace Afterimage.Networks;

/// <summary>The task of each kind of generator.</summary>
public static class GeneratorTasks
{
    /// <summary>Reads the images and draws the initial network.</summary>
    /// <param name="training">Settings.</param>
    /// <param name="set">The images to learn from.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="AfterimageException">A setting is out of its range, or the images are too few.</exception>
    public static GeneratorTask Open(GeneratorTraining training, ImageSet set, CancellationToken cancellation = default)
    {
        Settings.Check(training);
        if (set.Count < 20)
            throw new AfterimageException($"{set.Name} has {set.Count} images: give at least 20 to learn from.");
        var images = new TrainingImages(set, training.Channels, training.Side, cancellation);
        return training.Kind switch
        {
            GeneratorKind.Style => new StyleTask(training, images),
            GeneratorKind.Vae => new AutoencoderTask(training, images),
            _ => new DiffusionTask(training, images),
        };
    }
}
