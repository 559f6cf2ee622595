using System.Text.Json;
using System.Text.Json.Nodes;
using Afterimage.Cli;
using Afterimage.Reports;

namespace Afterimage.Tests.Cli;

/// <summary>With --json the standard output is one JSON value and nothing else; the rest is told on the error stream.</summary>
public class JsonOutputTests
{
    [Fact]
    public void AnAuditPrintsItsReportAndSoDoesShow()
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Commanded.QuickAudit(folder["run"], "--json", "--leakage", "off", "--fail-if", "psnr.max > 1");
        Assert.Equal(ExitCode.ConditionTrue, code);
        Assert.Single(ReportJson.Read(output).Cases);
        Assert.Contains("is true of 1 case", error, StringComparison.Ordinal);
        Assert.Contains("report.html", error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Fine, output, ""), Tuple(Commanded.Run("show", folder["run"], "--json")));
    }

    [Fact]
    public void LeakageAndLabelsPrintTheirs()
    {
        using var folder = new TemporaryFolder();
        string[] small = ["--model", "mlp", "--set", "/model/depth=1", "--set", "/client/data/shape=1x8x8"];
        var leakage = Commanded.Run(["leakage", "--json", "-o", folder.Path, .. small]);
        Assert.Equal("afterimage-leakage/1", Parse(leakage)["schema"]!.GetValue<string>());
        Assert.Contains("leakage.html", leakage.Error, StringComparison.Ordinal);
        Assert.Equal("refined-counts", Parse(Commanded.Run(["labels", "--json", .. small]))["rule"]!.GetValue<string>());
    }

    [Fact]
    public void TheOthersPrintWhatTheySay()
    {
        var attacks = Parse(Commanded.Run("list", "--json"))["Attacks"]!.AsArray();
        Assert.Contains(attacks, entry => entry!["name"]!.GetValue<string>() == "best");
        Assert.Contains(Parse(Commanded.Run("doctor", "--json")).AsArray(), entry => entry!["topic"]!.GetValue<string>() == "libtorch");
        var card = Parse(Commanded.Run("inspect", "resnet20", "--json"));
        Assert.Equal("linear.weight", card["head"]!["weight"]!.GetValue<string>());
        Assert.Equal([16, 32, 32], card["layers"]![0]!["output"]!.AsArray().Select(side => side!.GetValue<int>()));
        Assert.Equal("Determined", card["plan"]!["promise"]!.GetValue<string>());
        Assert.Contains(card["plan"]!["layers"]!.AsArray(), layer => layer!["reading"]!.GetValue<string>() == "Blind");
        Assert.Equal(1, Parse(Commanded.Run("check", "--json"))["cases"]!.GetValue<int>());
    }

    [Fact]
    public void FaultsAreResultsOfCheck()
    {
        var (code, output, error) = Commanded.Run("check", "--json", "-m", "resnet50");
        Assert.Equal((ExitCode.BadInput, ""), (code, error));
        var fault = Assert.Single(JsonNode.Parse(output)!["faults"]!.AsArray())!;
        Assert.Contains("/depth is 50", fault.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void TheSchemaDescribesItsPlacesAndAllowsItself()
    {
        var schema = JsonNode.Parse(Commanded.Run("schema").Output)!;
        var client = schema["properties"]!["client"]!;
        Assert.Equal("Where the update comes from.", client["description"]!.GetValue<string>());
        var simulated = client["anyOf"]!.AsArray()
            .First(part => part!["properties"]?["kind"]?["const"]?.GetValue<string>() == "simulated-client")!;
        Assert.NotEmpty(simulated["properties"]!["batchSize"]!["description"]!.GetValue<string>());
        Assert.Contains("best", schema["properties"]!["attack"]!.ToJsonString(), StringComparison.Ordinal);
        using var folder = new TemporaryFolder();
        var file = folder.Write("e.json", """{ "$schema": "experiment.schema.json", "client": "simulated-client" }""");
        Assert.Equal(ExitCode.Fine, Commanded.Run("check", file).Code);
        Assert.All(References(schema), pointer => Assert.NotNull(At(schema, pointer)));
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(pair => pair.Key == "$ref" ? [pair.Value!.GetValue<string>()] : References(pair.Value)),
        JsonArray items => items.SelectMany(References),
        _ => [],
    };

    private static JsonNode? At(JsonNode root, string pointer) => pointer.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries)
        .Aggregate((JsonNode?)root, (node, part) => node is JsonArray items
            ? items[int.Parse(part, System.Globalization.CultureInfo.InvariantCulture)] : node?[part]);

    private static JsonNode Parse(Commanded run)
    {
        Assert.Equal(ExitCode.Fine, run.Code);
        try
        {
            return JsonNode.Parse(run.Output)!;
        }
        catch (JsonException fault)
        {
            throw new Xunit.Sdk.XunitException($"{fault.Message}: {run.Output}");
        }
    }

    private static (int, string, string) Tuple(Commanded run) => (run.Code, run.Output, run.Error);
}
