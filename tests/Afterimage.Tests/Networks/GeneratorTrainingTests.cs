using Afterimage.Data;
using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;
using Generator = Afterimage.Networks.Generator;

namespace Afterimage.Tests.Networks;

public class GeneratorTrainingTests
{
    private static readonly GeneratorTraining Toy = new()
    {
        Side = 8, Width = 8, Latent = 4, Batch = 4, Steps = 6, Every = 2, Seed = 3,
    };

    public static TheoryData<GeneratorKind> Kinds => [.. Enum.GetValues<GeneratorKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_interrupted_training_goes_on_to_the_same_numbers(GeneratorKind kind)
    {
        using var folder = new TemporaryFolder();
        var training = Toy with { Kind = kind };
        using var whole = new Trainer(Open(training));
        whole.Run(folder["whole.safetensors"]);
        using (var first = new Trainer(Open(training)))
        {
            using var stop = new CancellationTokenSource();
            first.Run(folder["state.safetensors"], look => stop.Cancel(), stop.Token);
            Assert.Equal(2, first.Step);
        }
        using var second = new Trainer(Open(training));
        second.Restore(folder["state.safetensors"]);
        second.Run(folder["state.safetensors"]);
        Assert.True(second.Finished);
        Assert.Equal(File.ReadAllBytes(folder["whole.safetensors"]), File.ReadAllBytes(folder["state.safetensors"]));
        using var other = new Trainer(Open(training with { Seed = 4 }));
        Refusal.Says("belongs to a training with other settings", () => other.Restore(folder["state.safetensors"]));
        using var elsewhere = new Trainer(GeneratorTasks.Open(training, new Flat(40, 8)));
        Refusal.Says("belongs to a training with other settings", () => elsewhere.Restore(folder["state.safetensors"]));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Training_gives_its_tensors_back(GeneratorKind kind)
    {
        using var folder = new TemporaryFolder();
        var before = Live.Tensors;
        var task = Open(Toy with { Kind = kind });
        using (var trainer = new Trainer(task))
        {
            var counts = new List<long>();
            trainer.Run(folder["state.safetensors"], _ => counts.Add(Live.Tensors));
            Assert.Single(counts.Distinct());
            trainer.Restore(folder["state.safetensors"]);
            trainer.SaveBest(folder["best.safetensors"]);
            Assert.All(task.Samples(3), pixel => Assert.InRange(pixel, 0, 1));
            Assert.InRange(task.Distance(trainer, 10), 0, double.MaxValue);
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_time_may_be_the_limit(GeneratorKind kind)
    {
        using var folder = new TemporaryFolder();
        var training = Toy with { Kind = kind, Steps = null, Minutes = 1e-6, Precision = TrainingPrecision.Bfloat16 };
        using var trainer = new Trainer(Open(training));
        var looks = new List<TrainingProgress>();
        trainer.Run(folder["state.safetensors"], looks.Add);
        Assert.Equal((1, 0.0), (trainer.Step, Assert.Single(looks).SecondsLeft));
        using var second = new Trainer(Open(training));
        second.Restore(folder["state.safetensors"]);
        Assert.True(second.Finished);
        Refusal.Says("give minutes or steps", () => Open(Toy with { Steps = null }));
    }

    [Fact]
    public void A_style_generator_learns_the_colors_of_flat_images()
    {
        using var folder = new TemporaryFolder();
        var task = Open(Toy with { Steps = 150, Every = 50, Batch = 8, LearningRate = 2e-3, Averaging = 0.9 });
        using var trainer = new Trainer(task);
        var untrained = -trainer.Validate();
        trainer.Run(folder["state.safetensors"]);
        Assert.InRange(-trainer.Best, 0, untrained / 4);
        var pixels = task.Samples(16);
        // Red or blue: the class is the color.
        var red = Enumerable.Range(0, 16).Select(image => pixels.AsSpan(image * 192, 64).ToArray().Average()).ToArray();
        Assert.All(red.Where((_, i) => i % 2 == 0), value => Assert.InRange(value, 0.5, 1));
        Assert.All(red.Where((_, i) => i % 2 == 1), value => Assert.InRange(value, 0, 0.5));
    }

    [Theory]
    [InlineData(GeneratorKind.Style)]
    [InlineData(GeneratorKind.Vae)]
    public void What_is_trained_is_read_back_in_half_precision(GeneratorKind kind)
    {
        using var folder = new TemporaryFolder();
        using var trainer = new Trainer(Open(Toy with { Kind = kind, Steps = 1 }));
        trainer.Run(folder["state.safetensors"]);
        trainer.SaveBest(folder["g.safetensors"]);
        using var generator = Generator.Load(folder["g.safetensors"]);
        Assert.Equal(([3L, 8, 8], 4, 2), (generator.Shape, generator.LatentSize, generator.Classes));
        Assert.True((generator.Flat - trainer.BestResult).abs().max().ToDouble() < 2e-3);
        Refusal.Says("g.safetensors is no diffusion model but a", () => DiffusionModel.Load(folder["g.safetensors"]));
    }

    [Fact]
    public void A_damaged_file_is_one_sentence()
    {
        using var folder = new TemporaryFolder();
        using var generator = StyleGenerator.Untrained(new() { Side = 8, Width = 4, Latent = 3 }, new(1));
        GeneratorFile.Write(folder["g.safetensors"], generator.Settings, generator.Flat);
        var file = ArrayFile.Read(folder["g.safetensors"]);
        string Written(string name, IReadOnlyList<NamedArray> arrays, string? settings)
        {
            ArrayFile.Write(folder[name], arrays, file.Metadata.ToDictionary(pair => pair.Key,
                pair => pair.Key.EndsWith("settings", StringComparison.Ordinal) && settings is not null ? settings : pair.Value));
            return folder[name];
        }
        Refusal.Says("\"mapping0.weight\" [3,3] is missing",
            () => Generator.Load(Written("a.safetensors", [.. file.Arrays.Skip(1)], null)));
        Refusal.Says("settings that are damaged", () => Generator.Load(Written("b.safetensors", file.Arrays, "{\"side\":")));
        Refusal.Says("/width is 2,000,000,000: give a number from 4 to",
            () => Generator.Load(Written("c.safetensors", file.Arrays, "{\"width\":2000000000}")));
        Refusal.Says("does not fit the model", () => Generator.Load(Written("d.safetensors", file.Arrays, "{\"side\":8,\"width\":1024}")));
        ArrayFile.Write(folder["e.safetensors"], file.Arrays);
        Refusal.Says("e.safetensors is no generator: \"afterimage train generator\" makes one",
            () => Generator.Load(folder["e.safetensors"]));
        Refusal.Says("does not exist", () => Generator.Load(folder["none.safetensors"]));
    }

    [Fact]
    public void Images_are_cropped_resized_and_brought_to_the_channels()
    {
        using var images = new TrainingImages(new Flat(30, 12), 1, 8);
        using var scope = NewDisposeScope();
        var (drawn, labels) = images.Draw(50, 30, new(1));
        Assert.Equal(([50L, 1, 8, 8], 2), (drawn.shape.ToValueList(), images.Classes));
        // A colored image becomes gray by its brightness.
        var expected = where(labels.eq(0), 0.8 * 0.299 + 0.1 * (1 - 0.299), 0.8 * 0.114 + 0.1 * (1 - 0.114));
        Assert.True((drawn.mean([1, 2, 3]) - expected).abs().max().ToDouble() < 0.01);
        Assert.True(drawn.equal(images.Draw(50, 30, new(1)).Images).all().ToBoolean());
        Assert.Equal(drawn.mul(255).round().div(255), drawn, (first, second) => (first - second).abs().max().ToDouble() < 1e-6);
    }

    [Fact]
    public void Half_of_the_images_are_mirrored()
    {
        using var images = new TrainingImages(new DeadLeaves { Shape = new(3, 8, 8), Count = 20 }.Open(), 3, 8);
        using var scope = NewDisposeScope();
        var all = images.At(0, 20).Images;
        var drawn = images.Draw(200, 20, new(1)).Images;
        bool IsThere(Tensor image, Tensor set) => (set - image).abs().sum([1, 2, 3]).min().ToDouble() < 1e-6;
        Assert.InRange(Enumerable.Range(0, 200).Count(i => IsThere(drawn[i], all)), 70, 130);
        Assert.All(Enumerable.Range(0, 200), i => Assert.True(IsThere(drawn[i], all) || IsThere(drawn[i].flip(2), all)));
    }

    [Fact]
    public void The_distance_is_that_of_two_normal_distributions()
    {
        using var scope = NewDisposeScope();
        using var normal = new RandomSource(1).Generator(CPU);
        var first = rand([300, 3, 8, 8], generator: normal);
        using var distance = new RandomFeatureDistance(300, (from, count) => first.narrow(0, from, count));
        Assert.InRange(distance.To(300, (from, count) => first.narrow(0, from, count)), -1e-6, 1e-6);
        var others = rand([300, 3, 8, 8], generator: normal);
        var near = distance.To(300, (from, count) => others.narrow(0, from, count));
        var far = distance.To(300, (from, count) => others.narrow(0, from, count) * 0.5);
        Assert.InRange(near, 0, far / 10);
        // The features of one image have no covariance: what remains is the distance of the means and the trace of the other one.
        var gray = distance.To(64, (_, count) => full([count, 3, 8, 8], 0.5f));
        Assert.InRange(gray, 128, double.MaxValue);
    }

    private static GeneratorTask Open(GeneratorTraining training) => GeneratorTasks.Open(training, new Flat(60, 8));

    /// <summary>Images of one color: red or blue, which is the class.</summary>
    private sealed class Flat(int count, int side) : ImageSet("flat images", new(3, side, side), count, ["red", "blue"])
    {
        protected override LabeledImage Read(int index) =>
            new([.. Enumerable.Range(0, Shape.Count).Select(i => i / (Shape.Count / 3) == index % 2 * 2 ? 0.8f : 0.1f)], index % 2);
    }
}
