using System.CommandLine;
using Afterimage.Cli.Console;

namespace Afterimage.Cli.Help;

/// <summary>The help of a command under the name that many look for first.</summary>
internal static class HelpCommand
{
    public static Command Create(RootCommand root, Terminal terminal)
    {
        var words = new Argument<string[]>("COMMAND")
        {
            Description = "The command; without one, an overview.", Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new Command("help", "Show the help of a command.") { words };
        command.SetAction(line =>
        {
            var asked = line.GetValue(words) ?? [];
            Command found = root;
            foreach (var word in asked)
                found = found.Subcommands.FirstOrDefault(candidate => candidate.Name == word && !candidate.Hidden)
                    ?? throw new AfterimageException($"There is no command \"{string.Join(' ', asked)}\"; there are {Choices(found)}.");
            return root.Parse([.. asked, "--help"]).Invoke(new() { Output = terminal.Raw, Error = terminal.Error });
        });
        return command;
    }

    private static string Choices(Command command) =>
        string.Join(", ", command.Subcommands.Where(candidate => !candidate.Hidden).Select(candidate => candidate.Name)
            .DefaultIfEmpty("no commands below it"));
}
