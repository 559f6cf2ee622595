using System.Runtime.Loader;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Tests.House;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Afterimage.Tests.Cli;

public class SampleTests
{
    private static readonly string[] Small = ["--model", "mlp2", "--set", "/client/data/shape=1x16x16", "--leakage", "off"];

    [Fact]
    public void AnOwnPriorIsOneRecordAndOneLine()
    {
        var report = Audit("own-prior", "--attack", "matching", "--iterations", "2", "--restarts", "1",
            "--set", """/attack/priors=[{"kind": "dark", "weight": 0.01}]""");
        Assert.Contains("\"kind\": \"dark\"", report.Experiment, StringComparison.Ordinal);
    }

    [Fact]
    public void AnOwnAttackIsOneRecordAndOneLine()
    {
        var report = Audit("own-attack", [.. Small, "--attack", "loudest-unit"]);
        Assert.Equal("Converged", report.Cases[0].Outcome);
        Assert.True(report.Cases[0].Images[0].Metrics["psnr"] > 80);
    }

    [Fact]
    public void AnOwnDefenseIsOneRecordAndOneLine()
    {
        var report = Audit("own-defense", [.. Small, "--attack", "linear-layer-inversion",
            "--set", """/client/defense={"kind": "grid", "step": 0.01}"""]);
        Assert.InRange(report.Cases[0].Images[0].Metrics["psnr"], 25, 80);
        Assert.Contains(report.Cases[0].Assumptions, known => known.Knowledge.Contains("rounded to a grid", StringComparison.Ordinal));
    }

    private static AuditReport Audit(string sample, params string[] flags)
    {
        var source = Assert.Single(Repository.Files($"samples/{sample}", ".cs")).Text;
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var tree = CSharpSyntaxTree.ParseText(source, cancellationToken: TestContext.Current.CancellationToken);
        var compiled = CSharpCompilation.Create(sample, [tree], references,
            new(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using var assembly = new MemoryStream();
        Assert.Empty(compiled.Emit(assembly, cancellationToken: TestContext.Current.CancellationToken).Diagnostics);
        assembly.Position = 0;
        var program = AssemblyLoadContext.Default.LoadFromStream(assembly).EntryPoint!;

        using var folder = new TemporaryFolder();
        string[] line = ["audit", .. flags, "--out", folder["run"]];
        Assert.Equal(0, program.Invoke(null, [line]));
        return JsonExporter.Import(folder["run"]);
    }
}
