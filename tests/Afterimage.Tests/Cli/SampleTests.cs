using System.Runtime.Loader;
using Afterimage.Reports.Exporters;
using Afterimage.Tests.House;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Afterimage.Tests.Cli;

public class SampleTests
{
    [Fact]
    public void AnOwnPriorIsOneRecordAndOneLine()
    {
        var source = Assert.Single(Repository.Files("samples/own-prior", ".cs")).Text;
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var tree = CSharpSyntaxTree.ParseText(source, cancellationToken: TestContext.Current.CancellationToken);
        var compiled = CSharpCompilation.Create("OwnPrior", [tree], references,
            new(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using var assembly = new MemoryStream();
        Assert.Empty(compiled.Emit(assembly, cancellationToken: TestContext.Current.CancellationToken).Diagnostics);
        assembly.Position = 0;
        var program = AssemblyLoadContext.Default.LoadFromStream(assembly).EntryPoint!;

        using var folder = new TemporaryFolder();
        string[] line = ["audit", "--attack", "matching", "--iterations", "2", "--restarts", "1", "--set", "/client/data/shape=1x16x16",
            "--set", """/attack/priors=[{"kind": "dark", "weight": 0.01}]""", "--out", folder["run"]];
        Assert.Equal(0, program.Invoke(null, [line]));
        Assert.Contains("\"kind\": \"dark\"", JsonExporter.Import(folder["run"]).Experiment, StringComparison.Ordinal);
    }
}
