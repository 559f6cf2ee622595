using System.CommandLine;
using System.Reflection;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Commands;
using Afterimage.Cli.Commands.Reproduction;
using Afterimage.Cli.Console;
using Afterimage.Cli.Help;
using Afterimage.Reports;

namespace Afterimage.Cli;

/// <summary>
/// The command afterimage. A program of your own hosts it with its own parts:
/// <c>return AfterimageApp.Run(args, Catalog.Standard.With&lt;Prior, Mine&gt;());</c>
/// </summary>
public static class AfterimageApp
{
    /// <summary>Runs one command line.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="catalog">The parts that experiments may name; null for the standard ones.</param>
    /// <param name="terminal">Where to write; null for the console of the process.</param>
    /// <returns>An <see cref="ExitCode"/>.</returns>
    public static int Run(string[] args, Catalog? catalog = null, Terminal? terminal = null)
    {
        terminal ??= Terminal.OfProcess();
        try
        {
            var root = Root(new ExperimentFile(catalog ?? Catalog.Standard), terminal);
            if (Completion.Answer(root, args, terminal))
                return ExitCode.Fine;
            var line = root.Parse(args);
            if (Fault(line) is { } fault)
                throw new AfterimageException(fault);
            return line.Invoke(new() { Output = terminal.Raw, Error = terminal.Error, EnableDefaultExceptionHandler = false });
        }
        catch (Exception fault) when (fault is AfterimageException or ReportException or IOException or UnauthorizedAccessException)
        {
            terminal.Error.WriteLine($"afterimage: {fault.Message}");
            return ExitCode.BadInput;
        }
        catch (OperationCanceledException)
        {
            terminal.Error.WriteLine("afterimage: stopped.");
            return ExitCode.Canceled;
        }
        catch (Exception crash)
        {
            terminal.Error.WriteLine($"afterimage: stopped on an error of the program, not of its input; please report this: {crash}");
            return ExitCode.Crashed;
        }
    }

    internal static string Version { get; } = typeof(AfterimageApp).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private static RootCommand Root(ExperimentFile files, Terminal terminal)
    {
        var root = new RootCommand("Measures what a training gradient gives away: " +
            "reconstructs a client's images from the update that it sends.")
        {
            AuditCommand.Create(files, terminal),
            DefendCommand.Create(files, terminal),
            AssumptionsCommand.Create(files, terminal),
            LeakageCommand.Create(files, terminal),
            LabelsCommand.Create(files, terminal),
            PrivacyCommand.Create(terminal),
            ReproduceCommand.Create(files, terminal),
            SweepCommand.Create(files, terminal),
            WorkerCommand.Create(files, terminal),
            CheckCommand.Create(files, terminal),
            ExplainCommand.Create(files, terminal),
            ListCommand.Create(files, terminal),
            ShowCommand.Create(terminal),
            ServeCommand.Create(files, terminal),
            SchemaCommand.Create(files, terminal),
            InspectCommand.Create(files, terminal),
            DataCommand.Create(terminal),
            TrainCommand.Create(files, terminal),
            DoctorCommand.Create(terminal),
            CompletionCommand.Create(terminal),
            CaseCommand.Create(files),
        };
        root.Add(HelpCommand.Create(root, terminal));
        HelpPage.Install(root);
        root.Options.OfType<VersionOption>().Single().Action = new PrintVersion(terminal);
        return root;
    }

    /// <summary>What is wrong with a command line before anything runs; null for one that can be run.</summary>
    internal static string? Fault(string[] args) =>
        Fault(Root(new ExperimentFile(Catalog.Standard), Terminal.Plain(TextWriter.Null, TextWriter.Null)).Parse(args));

    private static string? Fault(ParseResult line) => line.Action is not (HelpPage or PrintVersion) && ParseFault.Of(line) is { } fault
        ? $"{fault}. Run \"{HelpPage.NameOf(line.CommandResult)} --help\" for the choices." : null;

    private sealed class PrintVersion(Terminal terminal) : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            terminal.Raw.WriteLine($"afterimage {Version}");
            return ExitCode.Fine;
        }
    }
}
