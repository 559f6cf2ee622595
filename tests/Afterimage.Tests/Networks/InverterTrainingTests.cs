using Afterimage.Federation;
using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

public class InverterTrainingTests
{
    public static TheoryData<InverterKind> Kinds => [.. Enum.GetValues<InverterKind>()];

    [Theory, MemberData(nameof(Kinds))]
    public void An_interrupted_training_goes_on_to_the_same_numbers(InverterKind kind)
    {
        using var folder = new TemporaryFolder();
        var training = ToyInverter.Training with
        {
            Kind = kind, Batch = ToyInverter.Batch(kind, 3), Defense = new GaussianNoise { Relative = 0.1 },
        };
        using var whole = new Trainer(ToyInverter.Open(training));
        whole.Run(folder["whole.safetensors"]);
        using (var first = new Trainer(ToyInverter.Open(training)))
        {
            using var stop = new CancellationTokenSource();
            first.Run(folder["state.safetensors"], _ => stop.Cancel(), stop.Token);
            Assert.Equal(2, first.Step);
        }
        using var second = new Trainer(ToyInverter.Open(training));
        second.Restore(folder["state.safetensors"]);
        second.Run(folder["state.safetensors"]);
        Assert.True(second.Finished);
        Assert.Equal(File.ReadAllBytes(folder["whole.safetensors"]), File.ReadAllBytes(folder["state.safetensors"]));
    }

    [Fact]
    public void A_state_belongs_to_its_settings_its_model_and_its_defense()
    {
        using var folder = new TemporaryFolder();
        using var trainer = new Trainer(ToyInverter.Open(ToyInverter.Training));
        trainer.Save(folder["state.safetensors"]);
        InverterTask[] others =
        [
            ToyInverter.Open(ToyInverter.Training with { Seed = 4 }), ToyInverter.Open(ToyInverter.Training with { Defense = new Sign() }),
            ToyInverter.Open(ToyInverter.Training, ToyInverter.Victim(seed: 2)),
        ];
        foreach (var task in others)
        {
            using var other = new Trainer(task);
            Refusal.Says("belongs to a training with other settings", () => other.Restore(folder["state.safetensors"]));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Training_gives_its_tensors_back(InverterKind kind)
    {
        using var folder = new TemporaryFolder();
        var before = Live.Tensors;
        var task = ToyInverter.Open(ToyInverter.Training with { Kind = kind, Batch = ToyInverter.Batch(kind, 2) });
        using (var trainer = new Trainer(task))
        {
            var counts = new List<long>();
            trainer.Run(folder["state.safetensors"], _ => counts.Add(Live.Tensors));
            Assert.Single(counts.Distinct());
            trainer.SaveBest(folder["i.safetensors"]);
            var samples = task.Samples(trainer, rows: 2, columns: 3);
            Assert.Equal(2 * 2 * 3 * 64, samples.Length);
            Assert.All(samples, pixel => Assert.InRange(pixel, 0, 1));
            Assert.Equal(ToyInverter.Batch(kind, 2), task.Quality(trainer).Count);
            Inverter.Load(folder["i.safetensors"]).Dispose();
        }
        Assert.Equal(before, Live.Tensors);
    }

    /// <summary>What a training sees is what a client sends: the update of the whole batch, then the defense.</summary>
    [Fact]
    public void A_pair_is_the_update_that_a_client_with_this_batch_sends()
    {
        using var scope = NewDisposeScope();
        using var victim = ToyInverter.Victim();
        var shape = new InverterShape { Channels = 1, Side = 8, Batch = 3, Size = 60_000 };
        Defense[] defenses =
            [new None(), new Sign(), new TopK { Share = 0.1 }, new GaussianNoise { Relative = 0.2 }, new NormBound { Bound = 0.01 }];
        using var uniform = new RandomSource(1).Generator(CPU);
        var (images, labels) = (rand([2, 3, 1, 8, 8], generator: uniform), tensor(new long[,] { { 1, 4, 4 }, { 0, 9, 2 } }));
        foreach (var defense in defenses)
        {
            using var pairs = new UpdatePairs([victim], defense, shape);
            var sent = pairs.Of(images, labels, new(7));
            for (var i = 0; i < 2; i++)
            {
                var targets = nn.functional.one_hot(labels[i], 10).to(ScalarType.Float32);
                var update = new FedSgd().Train(victim, new(images[i], targets), new(1));
                var expected = defense.Protect(update, new RandomSource(7).Derive("client", i));
                // What is kept by top-k and what has which sign may differ where numbers are equal up to rounding.
                Assert.InRange(((sent[i] - expected.Flat).norm() / expected.Flat.norm()).ToDouble(), 0, 1e-2);
            }
        }
    }

    [Theory, MemberData(nameof(Kinds)), Trait("Category", "slow")]
    public void A_short_training_goes_far_below_the_error_of_the_mean_image(InverterKind kind)
    {
        using var folder = new TemporaryFolder();
        var task = ToyInverter.Open(ToyInverter.Training with
        {
            Kind = kind, Steps = 300, Every = 100, Images = 32, Averaging = 0.95, LearningRate = 1e-3,
        });
        using var trainer = new Trainer(task);
        trainer.Run(folder["state.safetensors"]);
        // 3 dB: half of the squared error.
        Assert.InRange(task.Quality(trainer)[0], task.MeanImage + 3, 100);
        Assert.Equal(trainer.Best, task.Quality(trainer)[0], 1e-6);
    }

    /// <summary>Held-out images are those of a model that the training has not seen.</summary>
    [Fact, Trait("Category", "slow")]
    public void What_is_trained_on_many_weights_reads_others()
    {
        using var folder = new TemporaryFolder();
        var training = ToyInverter.Training with
        {
            Kind = InverterKind.Backprojection, Victims = 12, Steps = 150, Every = 50, Images = 32, Averaging = 0.95,
        };
        var task = InverterTask.Open(training, [.. Enumerable.Range(0, 13).Select(i => ToyInverter.Victim((ulong)i))],
            ToyInverter.Images(400));
        using var trainer = new Trainer(task);
        trainer.Run(folder["state.safetensors"]);
        Assert.InRange(task.Quality(trainer)[0], task.MeanImage + 2, 100);
        trainer.SaveBest(folder["i.safetensors"]);
        using var inverter = Inverter.Load(folder["i.safetensors"]);
        Assert.Equal("", inverter.Origin.Model.Weights);
    }

    [Fact]
    public void A_training_goes_on_from_another_ones_network_for_weights_that_moved()
    {
        using var folder = new TemporaryFolder();
        var path = ToyInverter.Write(ToyInverter.Victim(), folder["i.safetensors"], batch: 2);
        using var old = Inverter.Load(path);
        using var task = InverterTask.Open(ToyInverter.Training with { From = path }, [ToyInverter.Victim(seed: 2)],
            ToyInverter.Images(400));
        Assert.True(old.Weights.allclose(task.Result));
        Refusal.Says("another architecture than the model's: leave out --from", () => InverterTask.Open(
            ToyInverter.Training with { From = path }, [ToyInverter.Victim(width: 25)], ToyInverter.Images(400)));
    }

    [Fact]
    public void A_damaged_file_is_one_sentence()
    {
        using var folder = new TemporaryFolder();
        var path = ToyInverter.Write(ToyInverter.Victim(), folder["i.safetensors"], batch: 1);
        var file = ArrayFile.Read(path);
        string Written(string name, IReadOnlyList<NamedArray> arrays, string? settings = null)
        {
            ArrayFile.Write(folder[name], arrays, file.Metadata.ToDictionary(pair => pair.Key,
                pair => pair.Key.EndsWith("settings", StringComparison.Ordinal) && settings is not null ? settings : pair.Value));
            return folder[name];
        }
        Refusal.Says("\"first.weight\"", () => Inverter.Load(Written("a.safetensors", [.. file.Arrays.Skip(1)])));
        Refusal.Says("settings that are damaged", () => Inverter.Load(Written("b.safetensors", file.Arrays, "{\"side\":")));
        Refusal.Says("/hidden is 2,000,000,000", () => Inverter.Load(Written("c.safetensors", file.Arrays, "{\"hidden\":2000000000}")));
        Refusal.Says("has no array \"sketch.widths\"",
            () => Inverter.Load(Written("d.safetensors", [.. file.Arrays.Where(array => array.Name != "sketch.widths")])));
        Refusal.Says("\"sketch.widths\" does not fit", () => Inverter.Load(Written("e.safetensors",
            [.. file.Arrays.Where(array => array.Name != "sketch.widths"), NamedArray.Of("sketch.widths", [1], [1_000_000L])])));
        ArrayFile.Write(folder["f.safetensors"], file.Arrays);
        Refusal.Says("f.safetensors is no inverter: \"afterimage train inverter\" makes one",
            () => Inverter.Load(folder["f.safetensors"]));
    }

    [Fact]
    public void Too_few_images_and_no_length_are_refused()
    {
        using var victim = ToyInverter.Victim();
        Refusal.Says("give at least 160 to learn from",
            () => InverterTask.Open(ToyInverter.Training with { Batch = 8 }, [victim], ToyInverter.Images(100)));
        Refusal.Says("give minutes or steps",
            () => InverterTask.Open(ToyInverter.Training with { Steps = null }, [victim], ToyInverter.Images(100)));
    }
}
