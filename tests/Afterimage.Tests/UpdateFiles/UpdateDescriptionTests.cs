using Afterimage.UpdateFiles;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using CsCheck;

namespace Afterimage.Tests.Federation;

public class UpdateDescriptionTests
{
    private static UpdateDescription Parse(string json) => UpdateDescription.Parse(json, "u.json");

    [Fact]
    public void Every_field_is_read()
    {
        var description = Parse("""
            {
              // a round of Flower
              "update": "weightDifference",
              "localTraining": { "epochs": 2, "batchSize": 4, "learningRate": 0.01 },
              "mode": "train",
              "batchSize": 3,
              "input": "3x32x32",
              "classes": 10,
              "normalization": { "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2] },
              "labels": [1, 2, 9],
            }
            """);
        Assert.Equal(new UpdateDescription
        {
            Training = new FedAvg { Epochs = 2, BatchSize = 4, LearningRate = 0.01, Mode = ModelMode.Train },
            BatchSize = 3, Input = new(3, 32, 32), Classes = 10, Normalization = new([0.5, 0.4, 0.3], [0.2, 0.2, 0.2]), Labels = [1, 2, 9],
        }, description);
        Assert.Equal(description, Parse(description.ToJson()));
    }

    public static TheoryData<string, LocalTraining> Trainings => new()
    {
        { "\"hidden\"", new HiddenTraining() },
        {
            """{"epochs": 3, "batchSize": 2, "learningRate": 0.1, "shuffle": true, """ +
            """ "optimizer": {"kind": "sgd", "momentum": 0.9, "nesterov": true, "weightDecay": 5e-4}}""",
            new FedAvg
            {
                Epochs = 3, BatchSize = 2, LearningRate = 0.1, Shuffle = true,
                Optimizer = new Sgd { Momentum = 0.9, Nesterov = true, WeightDecay = 5e-4 },
            }
        },
        {
            """{"epochs": 1, "batchSize": 2, "learningRate": 0.1, "optimizer": {"kind": "adam-w", "beta2": 0.99}, "clients": [2, 5]}""",
            new Aggregate
            {
                Sizes = [2, 5],
                Local = new FedAvg { BatchSize = 2, LearningRate = 0.1, Optimizer = new AdamW { Beta2 = 0.99 } },
            }
        },
    };

    [Theory, MemberData(nameof(Trainings))]
    public void Local_training_is_read(string json, LocalTraining training)
    {
        var description = Parse($$"""{"update": "weightDifference", "localTraining": {{json}}}""");
        Assert.Equal(training, description.Training);
        Assert.Equal(description, Parse(description.ToJson()));
    }

    public static TheoryData<string, Loss> Losses => new()
    {
        { "\"cross-entropy\"", new CrossEntropy() },
        { "\"mean-squared\"", new MeanSquared() },
        { """{"kind": "binary-cross-entropy", "reduction": "sum"}""", new BinaryCrossEntropy { Reduction = Reduction.Sum } },
        { """{"kind": "cross-entropy", "smoothing": 0.1}""", new CrossEntropy { Smoothing = 0.1 } },
    };

    [Theory, MemberData(nameof(Losses))]
    public void The_loss_is_read(string json, Loss loss)
    {
        var description = Parse($$"""{"update": "gradient", "loss": {{json}}, "mode": "train"}""");
        Assert.Equal(new FedSgd { Mode = ModelMode.Train, Loss = loss }, description.Training);
        Assert.Equal(description, Parse(description.ToJson()));
    }

    public static TheoryData<string, Defense> Defenses => new()
    {
        { """{"kind": "top-k", "share": 0.01}""", new TopK { Share = 0.01 } },
        { """{"kind": "reduced-precision", "format": "bfloat16"}""", new ReducedPrecision { Format = NumberFormat.BFloat16 } },
        {
            """[{"kind": "norm-bound", "bound": 2}, {"kind": "gaussian-noise", "absolute": 0.1}]""",
            new DefenseChain { Steps = [new NormBound { Bound = 2 }, new GaussianNoise { Absolute = 0.1 }] }
        },
    };

    [Theory, MemberData(nameof(Defenses))]
    public void Weights_before_and_defense_are_read(string json, Defense defense)
    {
        var description = Parse($$"""{"weights": "before.pt", "defense": {{json}}}""");
        Assert.Equal(("before.pt", defense), (description.Weights, description.Defense));
        Assert.Equal(description, Parse(description.ToJson()));
    }

    [Fact]
    public void Nothing_is_required()
    {
        Assert.Equal(new UpdateDescription(), Parse("{}"));
        Assert.Equal(new FedSgd(), Parse("""{"update":"gradient"}""").Training);
        Assert.Equal(new UpdateDescription(), Parse(new UpdateDescription().ToJson()));
    }

    private const string OneStep = """{"update":"weightDifference","localTraining":{"epochs":1,"batchSize":1,"learningRate":1""";

    [Theory]
    [InlineData("""{"batchsize":1}""", "unknown field \"batchsize\"")]
    [InlineData("""{"batchSize":0}""", "\"batchSize\" should be a whole number")]
    [InlineData("""{"batchSize":1.5}""", "\"batchSize\"")]
    [InlineData("""{"batchSize":"1"}""", "\"batchSize\"")]
    [InlineData("""{"batchSize":1,"batchSize":2}""", "batchSize")]
    [InlineData("""{"update":"delta"}""", "\"gradient\" or \"weightDifference\"")]
    [InlineData("""{"update":"weightDifference"}""", "\"localTraining\" is missing")]
    [InlineData("""{"update":"weightDifference","localTraining":{"epochs":1,"batchSize":1}}""", "\"learningRate\" is missing")]
    [InlineData("""{"update":"weightDifference","localTraining":{"epochs":1,"batchSize":1,"learningRate":-1}}""", "positive")]
    [InlineData("""{"update":"weightDifference","localTraining":{"epochs":1,"batchSize":1,"learningRate":1e999}}""", "numbers")]
    [InlineData("""{"update":"weightDifference","localTraining":{"optimizer":"adam"}}""", "\"optimizer\"")]
    [InlineData("""{"update":"weightDifference","localTraining":"secret"}""", "\"hidden\" where nobody knows")]
    [InlineData(OneStep + ""","optimizer":{"kind":"lion"}}}""", "adam-w")]
    [InlineData(OneStep + ""","optimizer":{"kind":"sgd","momentum":1}}}""", "below 1")]
    [InlineData(OneStep + ""","shuffle":1}}""", "true or false")]
    [InlineData(OneStep + ""","clients":[0]}}""", "\"clients\"")]
    [InlineData("""{"update":"gradient","localTraining":{}}""", "leave it out")]
    [InlineData("""{"mode":"eval"}""", "\"update\" is missing")]
    [InlineData("""{"update":"gradient","mode":"test"}""", "\"eval\" or \"train\"")]
    [InlineData("""{"loss":"mean-squared"}""", "\"update\" is missing")]
    [InlineData("""{"update":"gradient","loss":"hinge"}""", "\"loss\" is \"cross-entropy\"")]
    [InlineData("""{"update":"gradient","loss":{"kind":"mean-squared","reduction":"most"}}""", "\"mean\" or \"sum\"")]
    [InlineData("""{"update":"gradient","loss":{"kind":"mean-squared","smoothing":0.1}}""", "belongs to cross-entropy")]
    [InlineData("""{"normalization":{"mean":[0,0,0],"std":[1]}}""", "3 means and 1 deviations")]
    [InlineData("""{"normalization":{"mean":[0],"std":[0]}}""", "positive")]
    [InlineData("""{"input":"3x32x32","normalization":{"mean":[0],"std":[1]}}""", "1 channels")]
    [InlineData("""{"input":[3,32,32]}""", "\"input\" should be text")]
    [InlineData("""{"input":"3x32"}""", "3x32x32")]
    [InlineData("""{"batchSize":2,"labels":[1]}""", "are 1, but the batch has 2")]
    [InlineData("""{"classes":3,"labels":[3]}""", "0 to 2")]
    [InlineData("""{"labels":[-1]}""", "class numbers")]
    [InlineData("""{"weights":1}""", "\"weights\" should be text")]
    [InlineData("""{"defense":{"kind":"magic"}}""", "\"defense.kind\" is \"top-k\"")]
    [InlineData("""{"defense":"top-k"}""", "should be an object such as")]
    [InlineData("""{"defense":{"kind":"top-k","share":2}}""", "at most 1")]
    [InlineData("""[]""", "JSON object")]
    [InlineData("""{""", "not the JSON")]
    [InlineData("", "not the JSON")]
    public void What_is_wrong_is_named(string json, string reason)
    {
        var error = Assert.Throws<AfterimageException>(() => Parse(json));
        Assert.StartsWith("u.json", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Whatever_is_written_is_read()
    {
        var description =
            from batch in Gen.Int[1, 64]
            from classes in Gen.Int[1, 100]
            from average in Gen.Bool
            from rate in Gen.Double[1e-6, 10]
            from train in Gen.Bool
            from labels in Gen.Int[0, classes - 1].Array[batch]
            from mean in Gen.Double[-2, 2].Array[3]
            from std in Gen.Double[1e-3, 2].Array[3]
            let mode = train ? ModelMode.Train : ModelMode.Eval
            select new UpdateDescription
            {
                Training = average ? new FedAvg { LearningRate = rate, Epochs = batch, Mode = mode } : new FedSgd { Mode = mode },
                BatchSize = batch, Classes = classes, Labels = labels.ToValueList(), Input = new(3, batch, classes),
                Normalization = new(mean.ToValueList(), std.ToValueList()),
            };
        description.Sample(value => Parse(value.ToJson()) == value, iter: 300, threads: 1);
    }

    [Fact]
    public void Mutations_end_in_a_description_or_a_sentence()
    {
        var json = new UpdateDescription
        {
            Training = new FedAvg(), BatchSize = 2, Classes = 4, Labels = [1, 3], Input = new(1, 8, 8), Normalization = new([0.5], [0.5]),
        }.ToJson();
        Gen.Select(Gen.Int[0, json.Length - 1], Gen.Char).Array[1, 4].Sample(edits =>
        {
            var text = json.ToCharArray();
            foreach (var (at, value) in edits)
                text[at] = value;
            try
            {
                Parse(new(text));
            }
            catch (AfterimageException)
            {
            }
        }, iter: 3000, threads: 1);
    }
}
