namespace Afterimage.Benchmarks;

/// <summary>This program again, as its own executable or as a library that dotnet runs.</summary>
internal static class ThisProgram
{
    public static string Host => Environment.ProcessPath!;

    public static string[] Arguments(params string[] own) =>
        Path.GetFileNameWithoutExtension(Host) == "dotnet" ? [typeof(ThisProgram).Assembly.Location, .. own] : own;
}
