using System.Collections.Frozen;
using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace Afterimage.Cli.Help;

/// <summary>The help of every command: what System.CommandLine writes, then examples and, where they matter, the exit codes.</summary>
internal sealed class HelpPage(HelpAction page) : SynchronousCommandLineAction
{
    private const string ExitCodes = """
        Exit codes:
          0    done
          1    the command line, a file or the machine is at fault; stderr says how
          2    the condition of --fail-if is true
          3    a case crashed
          4    the condition of --fail-if is not true, but an attack did not converge
          130  stopped by Ctrl-C

        """;

    /// <summary>Command lines by the name of the command that they show.</summary>
    public static FrozenDictionary<string, ImmutableArray<string>> Examples { get; } = new Dictionary<string, ImmutableArray<string>>
    {
        ["afterimage"] =
        [
            "afterimage audit",
            "afterimage audit --data cifar10 --batch 2 --attack inverting-gradients",
            "afterimage doctor",
        ],
        ["afterimage audit"] =
        [
            "afterimage audit",
            "afterimage audit experiment.json --resume --out runs/sweep",
            "afterimage audit -d cifar10 -m resnet20 -b 2 --label-mix distinct",
            "afterimage audit -u update.npz -m model.pt --truth truth.npz",
            "afterimage audit --data photos/ --fail-if \"ssim.max > 0.6 or psnr.max > 25\"",
            "afterimage audit --data cifar10 --fail-if \"verdict >= recognizable\" --allow-inconclusive",
        ],
        ["afterimage defend"] =
        [
            "afterimage defend --data cifar10 --defense '{\"kind\":\"gaussian-noise\",\"relative\":0.1}' --defense sign --rounds 200",
            "afterimage defend --data mnist --split dirichlet=0.5 --defense top-k --require \"identification <= 0.05\"",
            "afterimage defend --rounds 10 --attack-rounds all --attacked 1",
        ],
        ["afterimage sweep"] =
        [
            "afterimage sweep grid.json --dry-run",
            "afterimage sweep grid.json --out runs/grid --resume",
            "afterimage sweep grid.json --shard 0/8 --out shares/0",
            "afterimage sweep grid.json --on \"Host=db;Database=sweeps;Username=owner\"",
        ],
        ["afterimage sweep merge"] = ["afterimage sweep merge shares/0 shares/1 --out whole"],
        ["afterimage sweep status"] = ["afterimage sweep status --on \"Host=db;Database=sweeps;Username=owner\""],
        ["afterimage sweep cancel"] = ["afterimage sweep cancel --on \"Host=db;Database=sweeps;Username=owner\""],
        ["afterimage sweep collect"] = ["afterimage sweep collect --on \"Host=db;Database=sweeps;Username=owner\" --out runs/collected"],
        ["afterimage sweep prepare"] = ["afterimage sweep prepare --on \"Host=db;Database=sweeps;Username=owner\" --worker-role worker"],
        ["afterimage worker"] = ["afterimage worker --on \"Host=db;Database=sweeps;Username=worker\" --slots 4"],
        ["afterimage assumptions"] =
        [
            "afterimage assumptions --data cifar10 --trials 10",
            "afterimage assumptions --data cifar10 --model resnet20 --attack gauss-newton --budget 60s --trials 6",
        ],
        ["afterimage leakage"] =
        [
            "afterimage leakage --data cifar10 --batch 2 --label-mix distinct",
            "afterimage leakage --data cifar10 --sweep batch=1,2,4,8,16 --label-mix same --prior public",
            "afterimage leakage --update update.npz --truth truth.npz --model model.pt",
        ],
        ["afterimage labels"] =
        [
            "afterimage labels --data cifar10 --batch 8",
            "afterimage labels --update update.npz --model model.pt --json",
            "afterimage labels --table --data cifar10 --weights resnet20.safetensors --out runs/labels",
            "afterimage labels --soft-table",
        ],
        ["afterimage privacy"] =
        [
            "afterimage privacy --noise-multiplier 1.1 --sampling-rate 0.0042667 --rounds 14062",
            "afterimage privacy --flower-local-dp \"clipping=1 sensitivity=1e-4 epsilon=10 delta=1e-5\"",
            "afterimage privacy --noise-multiplier 1 --identified 9/10 --pool 100",
        ],
        ["afterimage reproduce"] =
        [
            "afterimage reproduce --list",
            "afterimage reproduce pipeline --quick",
            "afterimage reproduce --all --quick --out runs/gallery",
        ],
        ["afterimage check"] = ["afterimage check experiment.json"],
        ["afterimage explain"] = ["afterimage explain --attack inverting-gradients", "afterimage explain experiment.json"],
        ["afterimage list"] = ["afterimage list attacks", "afterimage list --json"],
        ["afterimage show"] = ["afterimage show runs/sweep", "afterimage show runs/sweep --json"],
        ["afterimage serve"] = ["afterimage serve", "afterimage serve runs/ --listen 0.0.0.0:8080 --token-file token.txt"],
        ["afterimage schema"] = ["afterimage schema > experiment.schema.json"],
        ["afterimage inspect"] = ["afterimage inspect resnet20", "afterimage inspect model.pt", "afterimage inspect lenet --input 1x28x28"],
        ["afterimage train"] =
        [
            "afterimage train denoiser --steps 20000 --out mine.safetensors",
            "afterimage train generator --data cifar10 --minutes 15 --out generator.safetensors",
        ],
        ["afterimage train denoiser"] =
        [
            "afterimage train denoiser --steps 20000 --out mine.safetensors",
            "afterimage train denoiser --evaluate mine.safetensors --data cifar10 flowers17",
        ],
        ["afterimage train generator"] =
        [
            "afterimage train generator --data cifar10 --minutes 15 --out generator.safetensors",
            "afterimage train generator --data photos/ --kind diffusion --side 64 --steps 5000 --out diffusion.safetensors",
        ],
        ["afterimage train inverter"] =
        [
            "afterimage train inverter --model lenet --data cifar10 --minutes 15 --out inverter.safetensors",
            "afterimage train inverter --model lenet --data cifar10 --defense '{\"kind\":\"top-k\",\"share\":0.01}' --kind layered",
            "afterimage train inverter --model lenet --data cifar10 --defense sign --batch 4 --steps 5000 --out sign4.safetensors",
        ],
        ["afterimage data"] = ["afterimage data list", "afterimage data get cifar10"],
        ["afterimage data list"] = ["afterimage data list"],
        ["afterimage data get"] = ["afterimage data get cifar10"],
        ["afterimage doctor"] = ["afterimage doctor", "afterimage doctor --json"],
        ["afterimage help"] = ["afterimage help audit", "afterimage help data get"],
        ["afterimage completion"] =
        [
            "afterimage completion bash > ~/.local/share/bash-completion/completions/afterimage",
            "afterimage completion zsh > ~/.zfunc/_afterimage",
            "afterimage completion fish > ~/.config/fish/completions/afterimage.fish",
        ],
    }.ToFrozenDictionary();

    /// <summary>"afterimage data get", as it is typed.</summary>
    public static string NameOf(SymbolResult command) => command is CommandResult { Command: var self } && self is not RootCommand
        ? $"{NameOf(command.Parent!)} {self.Name}" : "afterimage";

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
        var command = NameOf(parseResult.CommandResult);
        if (Examples.TryGetValue(command, out var examples))
        {
            output.WriteLine("Examples:");
            foreach (var example in examples)
                output.WriteLine($"  {example}");
            output.WriteLine();
        }
        if (command is "afterimage" or "afterimage audit")
            output.WriteLine(ExitCodes);
        return ExitCode.Fine;
    }
}
