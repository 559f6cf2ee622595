using System.CommandLine;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Cli.Options;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Starts;
using Afterimage.UpdateFiles;

namespace Afterimage.Tests.Cli;

public class ExperimentOptionsTests
{
    [Fact]
    public void WithoutAWordItIsTheDefaultExperiment() => Assert.Equal(new Experiment(), Read());

    [Fact]
    public void FlagsDescribeASimulatedClient() => Assert.Equal(
        new Experiment
        {
            Model = new ConvNet(),
            Client = new SimulatedClient
            {
                Data = new Cifar10(),
                BatchSize = 2,
                Labels = LabelMix.Distinct,
                Images = [3, 5],
                Training = new FedSgd { Mode = ModelMode.Train },
            },
            Seed = 7,
            Trials = 3,
        },
        Read("--data", "cifar10", "--model", "convnet", "--batch", "2", "--label-mix", "distinct", "--images", "3,5", "--mode", "train",
            "--seed", "7", "--trials", "3"));

    [Fact]
    public void FlagsDescribeTheUpdateOfARealClient() => Assert.Equal(
        new Experiment
        {
            Model = new TorchScriptFile("model.pt") { Normalization = new([0.5, 0.5, 0.5], [0.25, 0.25, 0.25]) },
            Client = new RecordedUpdate
            {
                Update = "update.npz",
                Input = new ImageShape(3, 32, 32),
                Classes = 10,
                Truth = "truth.npz",
                BatchSize = 4,
                Training = new FedAvg { Epochs = 2, BatchSize = 4, LearningRate = 0.05 },
            },
        },
        Read("--model", "model.pt", "--input", "3x32x32", "--classes", "10", "--update", "update.npz", "--truth", "truth.npz",
            "--batch", "4", "--mean", "0.5,0.5,0.5", "--std", "0.25,.25,0.25", "--local-training", "fedavg epochs=2 batch=4 rate=0.05"));

    [Fact]
    public void AnUpdateOfAbsoluteWeightsIsFlagsToo() => Assert.Equal(
        new RecordedUpdate { Update = "after.pt", Before = "before.pt", UpdateKind = UpdateContent.Weights },
        Read("--update", "after.pt", "--update-kind", "weights", "--before", "before.pt").Client);

    [Theory]
    [InlineData("mnist", IdxSet.Mnist)]
    [InlineData("fashion-mnist", IdxSet.FashionMnist)]
    public void EveryDataSetHasItsPublicName(string name, IdxSet set) =>
        Assert.Equal(new IdxImages { Set = set }, Assert.IsType<SimulatedClient>(Read("--data", name).Client).Data);

    [Fact]
    public void ANumberBehindAModelIsItsSize()
    {
        Assert.Equal(new ResNet { Depth = 20 }, Read("--model", "resnet20").Model);
        Assert.Equal(new ResNet { Depth = 56 }, Read("-m", "res-net-56").Model);
        Assert.Equal(new ConvNet { Width = 16 }, Read("-m", "convnet16").Model);
        Assert.Equal(new Mlp { Depth = 2 }, Read("-m", "mlp2").Model);
        Assert.All(PartName.ModelNames(Catalog.Standard), name => Read("-m", name));
        Assert.Throws<AfterimageException>(() => Read("-m", "lenet5"));
    }

    [Fact]
    public void TheCommonOptionsAreShortToo() => Assert.Equal(
        Read("--data", "cifar10", "--model", "convnet", "--batch", "2", "--attack", "matching"),
        Read("-d", "cifar10", "-m", "convnet", "-b", "2", "-a", "matching"));

    [Fact]
    public void AFolderIsDataToo()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(new ImageFolder { Folder = folder.Path }, Assert.IsType<SimulatedClient>(Read("--data", folder.Path).Client).Data);
    }

    [Fact]
    public void AnAttackIsNamedAndThenChanged()
    {
        var attack = Read("--restarts", "5", "--iterations", "9", "--attack", "inverting-gradients",
            "--set", "/attack/priors/0/weight=0.5", "--set", "/attack/start=patterned").Attack;
        var solver = (FirstOrder)Known.InvertingGradients.Solver with { Iterations = 9 };
        var expected = Known.InvertingGradients with { Restarts = 5, Solver = solver, Start = new Patterned() };
        Assert.Equal(expected with { Priors = [expected.Priors[0] with { Weight = 0.5 }] }, attack);
    }

    [Fact]
    public void GivenLabelsAreRevealedAndUsed()
    {
        var experiment = Read("--labels", "given");
        Assert.True(experiment.Threat.RevealLabels);
        Assert.Equal(new Given(), experiment.Attack.Rule);
    }

    [Fact]
    public void FlagsChangeAFile()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("experiment.json", """
            { "title": "Mine", /* a comment */ "client": { "kind": "simulated-client", "batchSize": 8 }, "attack": "deep-leakage" }
            """);
        var client = new SimulatedClient { BatchSize = 8 };
        Assert.Equal(
            new Experiment { Title = "Mine", Client = client, Attack = Known.DeepLeakage, Seed = 3 }, Read(path, "--seed", "3"));
    }

    [Theory]
    [InlineData("There is no model \"resnt\"; there are mlp, lenet", "--model", "resnt")]
    [InlineData("There is no data set \"cifar\"; there are dead-leaves, cifar10, mnist", "--data", "cifar")]
    [InlineData("There is no attack \"dlg\"; there are batch-separation, best, deep-first", "--attack", "dlg")]
    [InlineData("--input is about an update file: name that file with --update", "--input", "3x32x32")]
    [InlineData("--data is about a simulated client, but the update comes from a file", "--update", "u.npz", "--data", "cifar10")]
    [InlineData("--update-kind \"delta\" is none of weights, difference, gradient", "--update", "u.npz", "--update-kind", "delta")]
    [InlineData("there is no loss \"hinge\"; there are cross-entropy, binary-cross-entropy", "--loss", "hinge")]
    [InlineData("--label-mix \"some\" is none of any, distinct, same", "--label-mix", "some")]
    [InlineData("\"x\", which is no number", "--mean", "0.5,x")]
    [InlineData("--set /seed sets nothing", "--set", "/seed")]
    [InlineData("/bogus: experiment has no such property", "--set", "/bogus=1")]
    [InlineData("\"seed\" is no JSON pointer", "--set", "seed=1")]
    public void EveryFaultIsOneClearSentence(string expected, params string[] line) =>
        Assert.Contains(expected, Assert.Throws<AfterimageException>(() => Read(line)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("fedprox", "names no local training")]
    [InlineData("", "names no local training")]
    [InlineData("fedsgd rate=1", "fedsgd has no settings")]
    [InlineData("fedavg epochs", "has \"epochs\", which is none of")]
    [InlineData("fedavg epochs=0", "needs a positive whole number")]
    [InlineData("fedavg rate=-1", "needs a positive number")]
    [InlineData("fedavg optimizer=lion", "needs sgd or adamw")]
    [InlineData("fedavg momentum=x", "needs a number of at least 0")]
    [InlineData("fedavg shuffle=maybe", "needs true or false")]
    [InlineData("fedavg clients=2,0", "needs a positive whole number")]
    [InlineData("hidden rate=1", "of hidden training nothing is known")]
    public void LocalTrainingSaysWhatIsWrong(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<AfterimageException>(() => LocalTrainingText.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void LocalTrainingIsSaidInOneLine()
    {
        LocalTraining Training(string text, params string[] more) =>
            Assert.IsType<SimulatedClient>(Read(["--local-training", text, .. more]).Client).Training;
        Assert.Equal(new FedAvg { Epochs = 3, Shuffle = true, Optimizer = new Sgd { Momentum = 0.9, Nesterov = true, WeightDecay = 5e-4 } },
            Training("fedavg epochs=3 shuffle=true momentum=0.9 nesterov=true decay=5e-4"));
        Assert.Equal(new FedAvg { Optimizer = new AdamW { WeightDecay = 0.1 } }, Training("fedavg optimizer=adamw decay=0.1"));
        Assert.Equal(new Aggregate { Sizes = [2, 3], Local = new FedAvg { BatchSize = 2 }, Mode = ModelMode.Train },
            Training("fedavg batch=2 clients=2,3", "--mode", "train"));
        Assert.Equal(new Aggregate { Sizes = [1, 4] }, Training("fedsgd clients=1,4"));
        Assert.Equal(new HiddenTraining(), Training("hidden"));
        Assert.Equal(new FedAvg { Loss = new MeanSquared { Reduction = Reduction.Sum } },
            Training("fedavg", "--loss", "mean-squared", "--set", "/client/training/loss/reduction=sum"));
    }

    private static Experiment Read(params string[] line)
    {
        var options = new ExperimentOptions(new ExperimentFile(Catalog.Standard));
        var command = new RootCommand();
        options.AddTo(command);
        var parsed = command.Parse(line);
        Assert.Empty(parsed.Errors);
        return options.Read(parsed);
    }
}
