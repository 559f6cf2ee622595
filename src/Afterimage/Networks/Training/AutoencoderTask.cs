using System.Globalization;

namespace Afterimage.Networks;

/// <summary>
/// The training of a variational autoencoder (Kingma and Welling, 2014) by its evidence lower bound, in which the variance of a pixel is
/// the best one for the batch (Rybkin, Daniilidis and Levine, 2021); Adam and a running average of the weights.
/// </summary>
[Cites("kingma2014auto", "rybkin2021simple", "kingma2015adam")]
internal sealed class AutoencoderTask : GeneratorTask
{
    private readonly AutoencoderShape shape;
    private readonly VariationalAutoencoder frame;
    private readonly TrainedVector decoder;
    private readonly TrainedVector encoder;

    public AutoencoderTask(GeneratorTraining training, TrainingImages images) : base(training, images, compared: 2000)
    {
        using var scope = Tidy.Scope();
        shape = new()
        {
            Channels = training.Channels, Side = training.Side, Width = training.Width, Latent = training.Latent, Classes = images.Classes,
        };
        frame = VariationalAutoencoder.Untrained(shape, Random.Derive("decoder"));
        frame.Detach();
        decoder = new("decoder", frame.Flat, beta1: 0.9, training.Averaging);
        encoder = new("encoder", InitialWeights.Normal(shape.Encoder, Random.Derive("encoder"),
            name => name.StartsWith("head", StringComparison.Ordinal) ? 0.1 : Math.Sqrt(2)), beta1: 0.9, training.Averaging);
    }

    private protected override string Noun => "a variational autoencoder's decoder";

    internal override IReadOnlyList<(string Name, Tensor Value)> State => [.. decoder.State, .. encoder.State];

    internal override Tensor Result => decoder.Average;

    internal override double Advance(int step, RandomSource stream)
    {
        var (images, labels) = Images.Draw(Training.Batch, Used, stream.Derive("images"));
        var (drawing, reading) = (decoder.Leaf(), encoder.Leaf());
        var loss = Bound(drawing.to(Training.Type), reading.to(Training.Type), images, labels, stream.Derive("latents"));
        var gradients = Differentiate.Gradients(loss, [drawing, reading]);
        decoder.Step(gradients[0], Training.Rate, step);
        encoder.Step(gradients[1], Training.Rate, step);
        return loss.ToDouble();
    }

    /// <summary>The negative evidence lower bound in nats for each number of an image.</summary>
    private Tensor Bound(Tensor drawing, Tensor reading, Tensor images, Tensor labels, RandomSource random)
    {
        var classes = Classes > 0 ? ClassLabels.Probabilities(labels, images.shape[0], Classes, reading.dtype, CPU) : null;
        var code = Encoded(new(shape.Encoder, reading, isOwner: false), (images * 2 - 1).to(reading.dtype), classes)
            .to(ScalarType.Float32);
        var (mean, logVariance) = (code.narrow(1, 0, shape.Latent), code.narrow(1, shape.Latent, shape.Latent));
        using var normal = random.Generator(CPU);
        var latents = mean + (logVariance / 2).exp() * randn(mean.shape, ScalarType.Float32, CPU, generator: normal);
        var made = frame.With(drawing).Decode(latents.to(drawing.dtype), classes).to(ScalarType.Float32);
        var divergence = (mean.square() + logVariance.exp() - 1 - logVariance).sum([1]).mean() / 2;
        return (made - images).square().mean().log() / 2 + divergence / (images.shape[1] * images.shape[2] * images.shape[3]);
    }

    /// <summary>Mean and logarithm of the variance of the latents, [B,2 Latent].</summary>
    private Tensor Encoded(ParameterViews views, Tensor images, Tensor? classes)
    {
        var features = classes is null ? images
            : cat([images, classes.unsqueeze(2).unsqueeze(3).expand(-1, -1, images.shape[2], images.shape[3])], 1);
        features = nn.functional.silu(nn.functional.conv2d(features, views["rgb.weight"], views["rgb.bias"], padding: [1L, 1]));
        foreach (var side in shape.Sides.Skip(1).Reverse())
            features = nn.functional.silu(nn.functional.conv2d(features, views[$"down{side}.weight"], views[$"down{side}.bias"],
                strides: [2L, 2], padding: [1L, 1]));
        return nn.functional.linear(features.flatten(1), views["head.weight"], views["head.bias"]);
    }

    internal override double Validate()
    {
        using var _ = no_grad();
        var (images, labels) = HeldOutImages();
        return -Bound(decoder.Average, encoder.Average, images, labels, Random.Derive("held out")).ToDouble();
    }

    /// <inheritdoc/>
    public override string Measure => "evidence bound of held-out images";

    /// <inheritdoc/>
    public override string Figure(double quality) => string.Create(CultureInfo.InvariantCulture, $"{quality:F4} nats a number");

    private protected override Tensor Drawn(Tensor parameters, int count, Tensor? labels, RandomSource random)
    {
        var network = frame.With(parameters);
        return network.Decode(network.Draw(count, random, ScalarType.Float32, CPU), labels);
    }

    internal override void Save(Tensor result, string path) => GeneratorFile.Write(path, shape, result);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        decoder.Dispose();
        encoder.Dispose();
        frame.Dispose();
    }
}
