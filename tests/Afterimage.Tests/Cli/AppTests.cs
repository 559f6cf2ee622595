using System.Text.Json.Nodes;
using Afterimage.Cli;
using Afterimage.Reports;

namespace Afterimage.Tests.Cli;

public class AppTests
{
    [Theory]
    [InlineData()]
    [InlineData("audit")]
    [InlineData("check")]
    [InlineData("explain")]
    [InlineData("list")]
    [InlineData("show")]
    [InlineData("schema")]
    [InlineData("inspect")]
    [InlineData("data")]
    [InlineData("train", "denoiser")]
    public void HelpHasExamples(params string[] command)
    {
        var (code, output, error) = Commanded.Run([.. command, "--help"]);
        Assert.Equal((ExitCode.Fine, ""), (code, error));
        Assert.Contains($"  afterimage {string.Join(' ', command)}".TrimEnd(), output, StringComparison.Ordinal);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
    }

    [Fact]
    public void HelpListsTheExitCodes() =>
        Assert.Contains("130  stopped by Ctrl-C", Commanded.Run("--help").Output, StringComparison.Ordinal);

    [Fact]
    public void TheVersionIsOneLine() =>
        Assert.Matches("^afterimage [0-9]+\\.[0-9]+\\.[0-9]+(-[a-z0-9.]+)?\\s*$", Commanded.Run("--version").Output);

    [Theory]
    [InlineData("A command is missing")]
    [InlineData("There is no command \"audt\"", "audt")]
    [InlineData("There is no option --bacth. Run \"afterimage audit --help\"", "audit", "--bacth", "3")]
    [InlineData("nowhere.json does not exist", "audit", "nowhere.json")]
    [InlineData("There is no device \"tpu\"", "audit", "--device", "tpu")]
    [InlineData("--threads needs a number of at least 1", "audit", "--threads", "0")]
    [InlineData("--resume needs the folder", "audit", "--resume")]
    [InlineData("names the metric \"lpips\"; there are feature-distance, ms-ssim, mse, psnr, rank, registered-psnr, squeeze-distance, ssim",
        "audit", "--fail-if", "lpips.max > 1")]
    [InlineData("compares with the true images, which nobody gave", "audit", "--update", "u.npz", "--fail-if", "ssim.max > 1")]
    [InlineData("lenet by itself has random ones: add the weights before the round with --weights", "check", "--update", "u.npz")]
    [InlineData("u.npz", "check", "--update", "u.npz", "--weights", "w.npz")]
    [InlineData("--allow-inconclusive is about --fail-if", "audit", "--allow-inconclusive")]
    [InlineData("--batch needs a whole number up to 2147483647, not \"x\"", "audit", "--batch", "x")]
    [InlineData("--seed needs a whole number of at least 0, not \"-1\"", "audit", "--seed", "-1")]
    [InlineData("--noise needs a number, not \"loud\"", "leakage", "--noise", "loud")]
    [InlineData("--leakage needs one of auto, on, off, not \"maybe\"", "audit", "--leakage", "maybe")]
    [InlineData("--threads needs a whole number", "train", "denoiser", "--threads", "1e9")]
    [InlineData("\"nonsense\" is none of all, attacks, models, data, parts", "list", "nonsense")]
    [InlineData("\"cmd\" is none of bash, zsh, fish", "completion", "cmd")]
    [InlineData("There is no option -x. Run \"afterimage audit --help\"", "audit", "-x")]
    [InlineData("There is no option --labels. Run", "leakage", "--labels", "same")]
    [InlineData("There is no command \"audt\"; there are audit", "help", "audt")]
    [InlineData("There is no command \"data lost\"; there are list, get", "help", "data", "lost")]
    [InlineData("/client/batchSize must be a whole number, not \"x\"", "audit", "--set", "/client/batchSize=x")]
    [InlineData("/client/labels must be one of any, distinct, same", "audit", "--set", "/client/labels=some")]
    [InlineData("/model/normalization/std is missing: normalization needs it", "audit", "--set", "/model/normalization={\"mean\":[0.5]}")]
    [InlineData("/client/data/shape must be an image shape such as \"3x32x32\", not 7", "audit", "--set", "/client/data/shape=7")]
    [InlineData("/attack/restarts must not be null", "audit", "--attack", "matching", "--set", "/attack/restarts=null")]
    [InlineData("/model must be the name of a model or", "audit", "--set", "/model=3")]
    [InlineData("/depth is 50: give one of 18, 20, 32, 56", "inspect", "resnet50")]
    [InlineData("holds no audit", "show", "nowhere")]
    [InlineData("There is no data set \"imagenet\"", "data", "get", "imagenet")]
    [InlineData("There is no model \"vgg\"", "inspect", "vgg")]
    [InlineData("is not an image shape", "inspect", "lenet", "--input", "32x32")]
    public void BadInputIsOneSentenceOnTheErrorStream(string expected, params string[] line)
    {
        var (code, output, error) = Commanded.Run(line);
        Assert.Equal((ExitCode.BadInput, ""), (code, output));
        Assert.StartsWith("afterimage: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"System\.[A-Z]|'Afterimage\.|Nullable|Int32", error);
    }

    [Fact]
    public void AnAuditIsAPrivacyTest()
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Commanded.QuickAudit(folder["leaks"], "--fail-if", "psnr.max > 1");
        Assert.Equal((ExitCode.ConditionTrue, ""), (code, error));
        Assert.Contains("--fail-if \"psnr.max > 1\" is true of 1 case", output, StringComparison.Ordinal);
        Assert.Contains(folder["leaks", "report.html"], output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder["leaks", "report.html"]));

    }

    [Theory]
    [InlineData("psnr.max > 99")]
    [InlineData("verdict >= exact")]
    public void AnAttackWithoutAnAnswerIsNoPassedTest(string condition)
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Commanded.QuickAudit(folder["open"], "--fail-if", condition);
        Assert.Equal((ExitCode.Inconclusive, ""), (code, error));
        Assert.Contains("is not true of any case. But 1 attack did not converge, which is no sign of protection: give more --budget",
            output, StringComparison.Ordinal);
        (code, output, _) = Commanded.QuickAudit(folder["allowed"], "--fail-if", condition, "--allow-inconclusive");
        Assert.Equal(ExitCode.Fine, code);
        Assert.Contains("But 1 attack did not converge, which is no sign of protection.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderIsShownAndNotWrittenOver()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(ExitCode.Fine, Commanded.QuickAudit(folder["run"]).Code);
        var (code, output, _) = Commanded.Run("show", folder["run"]);
        Assert.Equal(ExitCode.Fine, code);
        Assert.Contains("PSNR", output, StringComparison.Ordinal);

        File.Delete(folder["run", "report.json"]);
        Assert.Contains("PSNR", Commanded.Run("show", folder["run"]).Output, StringComparison.Ordinal);

        Assert.Contains("holds an audit already", Commanded.QuickAudit(folder["run"]).Error, StringComparison.Ordinal);
        var resumed = Commanded.QuickAudit(folder["run"], "--resume");
        Assert.Equal(ExitCode.Fine, resumed.Code);
        Assert.Single(Journal.Read(folder["run"]).OfType<CaseStarted>());
    }

    [Fact]
    public void TheReportNamesTheCommandThatRepeatsIt()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(ExitCode.Fine, Commanded.QuickAudit(folder["run"], "--set", "/title=A title").Code);
        var report = AuditView.Replay(Journal.Read(folder["run"])).Report!;
        Assert.Equal("A title", report.Title);
        Assert.Equal("afterimage audit --attack matching --iterations 3 --restarts 1 --set /client/data/shape=1x16x16 " +
            $"--out {folder["run"]} --set '/title=A title'", report.Command);
    }

    [Fact]
    public void ACaseThatIsRefusedIsBadInput()
    {
        using var folder = new TemporaryFolder();
        var (code, _, error) = Commanded.QuickAudit(folder["run"], "--set", "/attack/labels=given");
        Assert.Equal(ExitCode.BadInput, code);
        Assert.StartsWith("afterimage: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void CheckCountsTheCases()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("sweep.json", """
            {
              "trials": 2,
              "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x16x16" } },
              "vary": [{ "pointer": "/client/batchSize", "values": [1, 2] }]
            }
            """);
        Assert.Contains("No faults; 4 cases to run.", Commanded.Run("check", path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ExplainPrintsEquationLiteratureAndExperiment()
    {
        var output = Commanded.Run("explain", "--attack", "inverting-gradients").Output;
        Assert.Contains("min over x: 1 - cos(A(x), y)", output, StringComparison.Ordinal);
        Assert.Contains("Compiled, unless", output, StringComparison.Ordinal);
        Assert.Contains("https://doi.org/", output, StringComparison.Ordinal);
        var experiment = JsonNode.Parse(output[output.IndexOf("\n{", StringComparison.Ordinal)..])!;
        Assert.Equal("cosine", experiment["attack"]!["fidelity"]!["kind"]!.GetValue<string>());
    }

    [Fact]
    public void ListHasASentenceForEveryAttackModelAndDataSet()
    {
        var output = Commanded.Run("list").Output;
        var parts = Catalog.Standard.Roots.SelectMany(root => Catalog.Standard.Parts(root)).Select(Catalog.Kind);
        foreach (var name in Catalog.Standard.Attacks.Keys.Concat(parts))
            Assert.Matches($"\n  {name} +\\S+ \\S+", output);
    }

    [Fact]
    public void TheSchemaIsJson() => Assert.NotNull(JsonNode.Parse(Commanded.Run("schema").Output)!["properties"]!["attack"]);

    [Fact]
    public void InspectShowsParameters()
    {
        var output = Commanded.Run("inspect", "lenet", "--input", "1x28x28").Output;
        Assert.Contains("lenet: 1x28x28 to 10 classes, 13,426 parameters.", output, StringComparison.Ordinal);
        Assert.Contains("conv 5x5 stride 2", output, StringComparison.Ordinal);
        Assert.Contains("body.0.weight", output, StringComparison.Ordinal);
        Assert.Contains("The head has a bias", output, StringComparison.Ordinal);
        Assert.Contains("The gradient of one image, from the head down", output, StringComparison.Ordinal);
    }

    [Fact]
    public void InspectPlansForTheModeThatClientsTrainIn()
    {
        Assert.Contains("16,384 features", Commanded.Run("inspect", "resnet20").Output, StringComparison.Ordinal);
        Assert.Contains("in eval mode only", Commanded.Run("inspect", "resnet20", "--mode", "train").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void DoctorLoadsTheNativeLibrary()
    {
        var (code, output, _) = Commanded.Run("doctor");
        Assert.Equal(ExitCode.Fine, code);
        Assert.Contains("loads and multiplies a matrix", output, StringComparison.Ordinal);
        Assert.Contains("cifar10", output, StringComparison.Ordinal);
    }

    [Fact]
    public void DataListsWhatThereIs() => Assert.Contains("fashion-mnist", Commanded.Run("data", "list").Output, StringComparison.Ordinal);
}
