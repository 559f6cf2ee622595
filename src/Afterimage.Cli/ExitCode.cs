namespace Afterimage.Cli;

/// <summary>The exit codes of the command, as its help lists them.</summary>
public static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Fine = 0;

    /// <summary>The command line, a file or the machine is at fault; one sentence on the error stream says how.</summary>
    public const int BadInput = 1;

    /// <summary>The condition of --fail-if is true.</summary>
    public const int ConditionTrue = 2;

    /// <summary>A case crashed.</summary>
    public const int Crashed = 3;

    /// <summary>The condition of --fail-if is not true, but an attack has no answer, so that nothing is shown to be private.</summary>
    public const int Inconclusive = 4;

    /// <summary>Stopped by Ctrl-C.</summary>
    public const int Canceled = 130;
}
