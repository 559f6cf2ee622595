using System.Collections.Frozen;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Afterimage.Cli;

/// <summary>The help of every command: what System.CommandLine writes, then examples and, where they matter, the exit codes.</summary>
internal sealed class HelpPage(HelpAction page) : SynchronousCommandLineAction
{
    private const string ExitCodes = """
        Exit codes:
          0    done
          1    the command line, a file or the machine is at fault; stderr says how
          2    the condition of --fail-if is true
          3    a case crashed
          130  stopped by Ctrl-C

        """;

    private static readonly FrozenDictionary<string, string[]> Examples = new Dictionary<string, string[]>
    {
        ["afterimage"] =
        [
            "afterimage audit",
            "afterimage audit --data cifar10 --batch 2 --attack inverting-gradients",
            "afterimage doctor",
        ],
        ["audit"] =
        [
            "afterimage audit",
            "afterimage audit experiment.json --resume --out runs/sweep",
            "afterimage audit --data cifar10 --model lenet --batch 2 --label-mix distinct",
            "afterimage audit --update u.npz --model model.pt --input 3x32x32 --classes 10",
            "afterimage audit --data photos/ --fail-if \"ssim.max > 0.6 or psnr.max > 25\"",
        ],
        ["leakage"] =
        [
            "afterimage leakage --data cifar10 --batch 2 --labels distinct",
            "afterimage leakage --data cifar10 --sweep batch=1,2,4,8,16 --labels same --prior public",
            "afterimage leakage --update u.npz --truth truth.npz --model model.pt",
        ],
        ["labels"] =
        [
            "afterimage labels --data cifar10 --batch 8",
            "afterimage labels --update u.npz --model model.pt --json",
            "afterimage labels --table --data cifar10 --weights resnet20.safetensors --out runs/labels",
            "afterimage labels --soft-table",
        ],
        ["check"] = ["afterimage check experiment.json"],
        ["explain"] = ["afterimage explain --attack inverting-gradients", "afterimage explain experiment.json"],
        ["list"] = ["afterimage list attacks"],
        ["show"] = ["afterimage show runs/sweep"],
        ["schema"] = ["afterimage schema > experiment.schema.json"],
        ["inspect"] = ["afterimage inspect model.pt --input 3x32x32 --classes 10"],
        ["denoiser"] =
        [
            "afterimage train denoiser --steps 20000 --out mine.safetensors",
            "afterimage train denoiser --evaluate mine.safetensors --data cifar10 flowers17",
        ],
        ["data"] = ["afterimage data list", "afterimage data get cifar10"],
    }.ToFrozenDictionary();

    /// <summary>Makes this the page of the help option, which all subcommands share.</summary>
    public static void Install(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new HelpPage((HelpAction)option.Action!);
    }

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        page.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command;
        if (Examples.TryGetValue(command is RootCommand ? "afterimage" : command.Name, out var examples))
        {
            output.WriteLine("Examples:");
            foreach (var example in examples)
                output.WriteLine($"  {example}");
            output.WriteLine();
        }
        if (command is RootCommand || command.Name == "audit")
            output.WriteLine(ExitCodes);
        return ExitCode.Fine;
    }
}
