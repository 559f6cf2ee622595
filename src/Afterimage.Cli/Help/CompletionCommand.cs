using System.CommandLine;
using Afterimage.Cli.Console;

namespace Afterimage.Cli.Help;

/// <summary>Prints a script that teaches a shell to complete command lines; it asks <see cref="Completion"/>.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _afterimage() {
            local IFS=$'\n'
            COMPREPLY=( $(compgen -W "$(afterimage "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}") )
        }
        complete -o default -F _afterimage afterimage
        """;

    private const string Zsh = """
        #compdef afterimage
        _afterimage() {
            local -a found
            found=(${(f)"$(afterimage "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)"})
            compadd -- $found
            _files
        }
        compdef _afterimage afterimage
        """;

    private const string Fish = """
        function __afterimage_complete
            set -l line (commandline -cp)
            afterimage "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c afterimage -a '(__afterimage_complete)'
        """;

    public static Command Create(Terminal terminal)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a script that completes command lines in a shell.") { shell };
        command.SetAction(line => terminal.Raw.WriteLine(line.GetRequiredValue(shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            _ => Fish,
        }));
        return command;
    }
}
