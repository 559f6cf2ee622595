using System.Diagnostics;
using Afterimage.Attacks;
using Afterimage.Cli;
using Afterimage.Cli.Help;

namespace Afterimage.Tests.Cli;

/// <summary>What the command says of itself, to people and to shells.</summary>
public class HelpTests
{
    public static TheoryData<string> Commands => [.. HelpPage.Examples.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void EveryPageHasExamplesOfItsOwnCommand(string command)
    {
        var words = command.Split(' ')[1..];
        var (code, output, error) = Commanded.Run(["help", .. words]);
        Assert.Equal((ExitCode.Fine, ""), (code, error));
        Assert.Equal(Commanded.Run([.. words, "--help"]).Output, output);
        var examples = output[output.IndexOf("Examples:", StringComparison.Ordinal)..].Split('\n').Skip(1)
            .TakeWhile(line => line.Trim().Length > 0).ToArray();
        Assert.NotEmpty(examples);
        Assert.All(examples, line => Assert.StartsWith($"  {command}", line, StringComparison.Ordinal));
    }

    [Fact]
    public void EveryCommandHasAPage()
    {
        static string[] Below(string[] command)
        {
            var lines = Commanded.Run([.. command, "--help"]).Output.Split('\n');
            return [.. lines.SkipWhile(line => !line.StartsWith("Commands:", StringComparison.Ordinal)).Skip(1)
                .TakeWhile(line => line.StartsWith("  ", StringComparison.Ordinal))
                .Where(line => line[2] != ' ').Select(line => line.Trim().Split(' ')[0])];
        }
        var all = Below([]);
        Assert.Contains("completion", all);
        Assert.DoesNotContain("run-case", all);
        foreach (var command in all)
            Assert.All(Below([command]).Prepend(null), below => Assert.Contains(
                string.Join(' ', ((string?[])["afterimage", command, below]).OfType<string>()), HelpPage.Examples.Keys));
    }

    [Fact]
    public void EveryAttackOfTheCatalogIsNamedWhereOneIsChosen()
    {
        string[] all = [.. Catalog.Standard.Attacks.Keys, .. Catalog.Standard.Parts(typeof(Attack)).Select(Catalog.Kind)];
        foreach (var must in (string[])["best", "gauss-newton", "rectified-recursion", "deep-first"])
            Assert.Contains(must, all);
        var help = Words(Commanded.Run("audit", "--help").Output);
        var list = Words(Commanded.Run("list", "attacks").Output);
        var fault = Words(Commanded.Run("check", "--attack", "nonsense").Error);
        using var folder = new TemporaryFolder();
        var file = Words(Commanded.Run("check", folder.Write("e.json", "{ \"attack\": \"nonsense\" }")).Error);
        Assert.All(all, name => Assert.All((HashSet<string>[])[help, list, fault, file], page => Assert.Contains(name, page)));
    }

    [Theory]
    [InlineData("afterimage aud", "audit")]
    [InlineData("afterimage audit --mo", "--mode --model")]
    [InlineData("afterimage audit --attack rectified", "rectified-matching rectified-recursion")]
    [InlineData("afterimage audit --model resnet2", "resnet20")]
    [InlineData("/usr/bin/afterimage leakage --label-mix di", "distinct")]
    [InlineData("afterimage completion z", "zsh")]
    public void AShellIsToldHowAWordGoesOn(string line, string expected)
    {
        var (code, output, error) = Commanded.Run($"[suggest:{line.Length}]", line);
        Assert.Equal((ExitCode.Fine, ""), (code, error));
        Assert.Equal(expected, string.Join(' ', output.Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public void TheScriptForBashIsOne()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "needs bash");
        using var folder = new TemporaryFolder();
        // A command in the place of the real one: the script must ask it, and offer its answers.
        folder.Write("afterimage", "#!/bin/bash\necho \"$1\" > \"$0.asked\"; printf '%s\\n' --model --mode --data\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder["afterimage"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var script = folder.Write("complete.bash", Commanded.Run("completion", "bash").Output + """

            COMP_WORDS=(afterimage audit --mo) COMP_CWORD=2 COMP_LINE="afterimage audit --mo" COMP_POINT=21
            _afterimage
            echo "${COMPREPLY[@]}"
            """);
        var start = new ProcessStartInfo("/bin/bash", [script]) { RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{folder.Path}:{Environment.GetEnvironmentVariable("PATH")}";
        using var shell = Process.Start(start)!;
        Assert.Equal("--model --mode", shell.StandardOutput.ReadToEnd().Trim());
        Assert.Equal("[suggest:21]", File.ReadAllText(folder["afterimage.asked"]).Trim());
    }

    [Theory]
    [InlineData("zsh", "#compdef afterimage")]
    [InlineData("fish", "complete -c afterimage")]
    public void OtherShellsHaveTheirOwn(string shell, string mark) =>
        Assert.Contains(mark, Commanded.Run("completion", shell).Output, StringComparison.Ordinal);

    private static HashSet<string> Words(string text) => [.. text.Split((char[])[' ', ',', ';', '.', '\r', '\n'])];
}
