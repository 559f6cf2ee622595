using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;

namespace Afterimage.Cli.Commands;

/// <summary>Hidden: runs one case for an audit that isolates its cases.</summary>
internal static class CaseCommand
{
    public static Command Create(ExperimentFile files)
    {
        var command = new Command(ChildCase.Command, "Run one case for an audit with --isolate.") { Hidden = true };
        command.SetAction(_ =>
        {
            // Ctrl-C reaches all processes of a terminal; the audit decides what becomes of its children.
            using var ignored = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
            var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
            using var output = new StreamWriter(System.Console.OpenStandardOutput(), utf8);
            ChildCase.Run(files, new StreamReader(System.Console.OpenStandardInput(), Encoding.UTF8), output);
            return ExitCode.Fine;
        });
        return command;
    }
}
