using Afterimage.Models.TorchScript;

/// <summary>
/// What .NET runs before Main in a process whose environment names this assembly in DOTNET_STARTUP_HOOKS, by this name outside any
/// namespace: the child of <see cref="ScriptProbe"/>, whatever the program is.
/// </summary>
internal static class StartupHook
{
    /// <summary>Obeys the order in the environment and ends the process; without an order the program goes on.</summary>
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(ScriptProbe.Order) is not { } order)
            return;
        ScriptProbe.Obey(order);
        Environment.Exit(0);
    }
}
