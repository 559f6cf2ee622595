using System.CommandLine;
using System.Text.RegularExpressions;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Cli;
using Afterimage.Cli.Help;
using Afterimage.Cli.Options;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Execution;
using Afterimage.Tests.House;
using Afterimage.Tests.Models;
using Afterimage.UpdateFiles;
using static TorchSharp.torch;

namespace Afterimage.Tests.Cli;

/// <summary>Whoever types what the README, the docs and the help pages print is understood, and gets what they promise.</summary>
public partial class NewcomerTests
{
    private static readonly string[] Quick =
        ["help", "list", "doctor", "schema", "explain", "check", "inspect", "completion", "show", "data list"];

    /// <summary>Every command line that is printed anywhere, with the place.</summary>
    private static IEnumerable<(string Place, string Line)> Printed()
    {
        foreach (var (command, lines) in HelpPage.Examples)
            foreach (var line in lines)
                yield return ($"help of {command}", line);
        foreach (var file in Repository.Files("", ".md"))
            foreach (Match found in Shown().Matches(file.Text.Replace("\\\n", " ", StringComparison.Ordinal)))
                if (!Placeholder().IsMatch(found.Value))
                    yield return (file.Path, Project().Replace(found.Groups[1].Value, "afterimage "));
    }

    [Fact]
    public void EveryPrintedCommandIsUnderstood()
    {
        var printed = Printed().ToArray();
        Assert.Contains(printed, found => found.Place == "README.md");
        Assert.InRange(printed.Length, 60, 1000);
        Assert.Empty(printed.Select(found => (found, Fault: Fault(ShellWords.Split(found.Line)[1..])))
            .Where(found => found.Fault is not null).Select(found => $"{found.found.Place}: {found.found.Line}: {found.Fault}"));
    }

    [Theory]
    [InlineData("There is no option --bogus", "audit", "--bogus")]
    [InlineData("There is no attack \"dgl\"", "audit", "--attack", "dgl", "--out", "x")]
    [InlineData("/attack/nothing", "audit", "--set", "/attack/nothing=1")]
    [InlineData("There is no command", "adit")]
    public void ACommandThatIsNotUnderstoodIsFound(string words, params string[] line) =>
        Assert.Contains(words, Fault(line), StringComparison.Ordinal);

    [Fact]
    public void WhatIsQuickRunsAsItIsPrinted()
    {
        var home = Environment.CurrentDirectory;
        using var folder = new TemporaryFolder();
        Prepare(folder);
        Environment.CurrentDirectory = folder.Path;
        try
        {
            Runs("afterimage audit experiment.json --resume --out runs/sweep");
            Runs("afterimage labels --update update.npz --model model.pt --json");
            var lines = Printed().Where(found => found.Place is "README.md" || found.Place.StartsWith("help", StringComparison.Ordinal))
                .Select(found => found.Line).Distinct()
                .Where(line => Quick.Any(command => line.StartsWith($"afterimage {command}", StringComparison.Ordinal))).ToArray();
            Assert.InRange(lines.Length, Quick.Length, 100);
            Assert.All(lines, Runs);
        }
        finally
        {
            Environment.CurrentDirectory = home;
        }
    }

    [Fact]
    [Trait("Category", "slow")]
    public void TheFirstCommandOfTheReadmeWritesAReportThatIsShownAndResumed()
    {
        var home = Environment.CurrentDirectory;
        using var folder = new TemporaryFolder();
        Environment.CurrentDirectory = folder.Path;
        try
        {
            Runs("afterimage audit");
            var run = Assert.Single(Directory.GetDirectories(folder["runs"]));
            Assert.True(File.Exists(Path.Combine(run, "report.html")));
            Runs($"afterimage show {run}");
            Runs($"afterimage audit --out {run} --resume");
        }
        finally
        {
            Environment.CurrentDirectory = home;
        }
    }

    private static void Runs(string line)
    {
        var (code, _, error) = Commanded.Run(ShellWords.Split(line)[1..]);
        Assert.True(code == ExitCode.Fine, $"{line}: exit code {code}: {error}");
    }

    /// <summary>The files that the examples name.</summary>
    private static void Prepare(TemporaryFolder folder)
    {
        folder.Write("experiment.json", """
            {
              "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8" } },
              "model": { "kind": "mlp", "depth": 1 },
              "attack": { "known": "matching", "restarts": 1, "solver": { "kind": "lbfgs", "iterations": 3 } }
            }
            """);
        const string Code = """
            class Layer(Module):
              __parameters__ = ["weight", "bias", ]
              __buffers__ = []
              weight : Tensor
              bias : Tensor
            class Model(Module):
              __parameters__ = []
              __buffers__ = []
              head : __torch__.Layer
              def forward(self: __torch__.Model,
                image: Tensor) -> Tensor:
                head = self.head
                weight = head.weight
                bias = head.bias
                return torch.linear(torch.flatten(image, 1), weight, bias)

            """;
        var head = new ModuleValue("__torch__.Layer", ("weight", new TensorValue(4, 64)), ("bias", new TensorValue(4)));
        var model = folder.Write("model.pt", ScriptArchiveWriter.Write(Code, new("__torch__.Model", ("head", head))));
        using var sent = new SimulatedClient { Data = SmallAudit.Leaves }
            .Open(new TorchScriptFile(model), 0, new RandomSource(0), CPU);
        UpdateFile.Write(folder["update.npz"], sent.Update, null);
    }

    /// <summary>What the parser or the reader of experiments says of a command line; null where both understand it.</summary>
    private static string? Fault(string[] words)
    {
        if (AfterimageApp.Fault(words) is { } fault)
            return fault;
        if (words is not ["audit" or "leakage" or "labels" or "check" or "explain", ..])
            return null;
        // The flags that describe an experiment, without those that say how it is run, and without files that are not here.
        var options = new ExperimentOptions(new ExperimentFile(Catalog.Standard), words[0] is not ("leakage" or "labels"));
        var command = new RootCommand();
        options.AddTo(command);
        var known = command.Options.SelectMany(option => option.Aliases.Append(option.Name)).ToHashSet();
        var flags = new List<string>();
        for (var i = 1; i < words.Length; i++)
            if (known.Contains(words[i]))
                flags.AddRange([words[i], words[++i] == "photos/" ? "dead-leaves" : words[i]]);
        try
        {
            options.Read(command.Parse(flags));
            return null;
        }
        catch (AfterimageException wrong)
        {
            return wrong.Message;
        }
    }

    /// <summary>A line of a code block, or words within a sentence.</summary>
    [GeneratedRegex(@"(?:^    |`)((?:afterimage|dotnet run -c Release --project src/Afterimage.Cli --) (?:[^\n`]*[^\n`\s]))",
        RegexOptions.Multiline)]
    private static partial Regex Shown();

    [GeneratedRegex(@"\.\.\.| [A-Z]{2,}| N\b")]
    private static partial Regex Placeholder();

    [GeneratedRegex("^dotnet run .*? -- ")]
    private static partial Regex Project();
}
