using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;

namespace Afterimage.Server.Uploads;

/// <summary>What the page makes its form of: the schema of experiments, and the defaults of each part and named attack.</summary>
internal sealed class FormDescription(ExperimentFile files)
{
    private readonly Lazy<string> json = new(() => Write(files));

    /// <summary>As JSON; made once.</summary>
    public string Json => json.Value;

    private static string Write(ExperimentFile files)
    {
        var catalog = files.Catalog;
        var kinds = new JsonObject();
        foreach (var part in catalog.Roots.SelectMany(root => catalog.Parts(root)).Distinct())
            if (part.GetConstructor([]) is not null)
                kinds[Catalog.Kind(part)] = Node(catalog, Activator.CreateInstance(part)!);
        var attacks = new JsonObject();
        foreach (var (name, attack) in catalog.Attacks)
            attacks[name] = Node(catalog, attack);
        return new JsonObject
        {
            ["schema"] = catalog.Schema<Experiment>(),
            ["experiment"] = JsonNode.Parse(files.Write(new Experiment())),
            ["kinds"] = kinds,
            ["attacks"] = attacks,
        }.ToJsonString();
    }

    private static JsonNode? Node(Catalog catalog, object part) => JsonNode.Parse(catalog.Write(part));
}
