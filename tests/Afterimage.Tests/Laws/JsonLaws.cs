using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;

namespace Afterimage.Tests.Laws;

/// <summary>The configuration object is the algorithm: what is written is what is read, and nothing else is accepted.</summary>
public class JsonLaws
{
    public static TheoryData<string, string> Names => Parts.Names();

    public static TheoryData<string> Attacks => new(Parts.Catalog.Attacks.Keys);

    [Theory, MemberData(nameof(Names))]
    public void A_kind_alone_means_the_defaults(string root, string kind)
    {
        var part = Parts.Type(root, kind);
        Assert.Equal(Parts.Default(part), Read(root, Parts.Least(part).ToJsonString()));
    }

    [Theory, MemberData(nameof(Names))]
    public void What_is_written_is_read_back_equal(string root, string kind)
    {
        foreach (var made in new[] { Parts.Default(Parts.Type(root, kind)), Parts.Varied(Parts.Type(root, kind)) })
        {
            var text = Write(root, made);
            var back = Read(root, text);
            Assert.Equal(made, back);
            Assert.Equal(made.GetHashCode(), back.GetHashCode());
            Assert.Equal(text, Write(root, back));
            Assert.Equal(made, Read(root, $"// a comment\n{text}"));
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_property_is_written(string root, string kind)
    {
        var part = Parts.Type(root, kind);
        var json = JsonNode.Parse(Write(root, Parts.Varied(part)))!.AsObject();
        Assert.Equal(kind, json["kind"]!.GetValue<string>());
        Assert.All(Parts.Settable(part), property => Assert.True(json.ContainsKey(Parts.Camel(property.Name)), property.Name));
    }

    [Theory, MemberData(nameof(Names))]
    public void A_varied_part_is_not_the_default(string root, string kind)
    {
        var part = Parts.Type(root, kind);
        if (Parts.Settable(part).Any())
            Assert.NotEqual(Parts.Default(part), Parts.Varied(part));
    }

    [Theory, MemberData(nameof(Names))]
    public void An_unknown_property_is_named_with_those_that_exist(string root, string kind)
    {
        var part = Parts.Type(root, kind);
        var json = Parts.Least(part);
        json["colour"] = 1;
        var message = Refusal(root, json.ToJsonString());
        Assert.Contains("the test", message, StringComparison.Ordinal);
        Assert.Contains("/colour", message, StringComparison.Ordinal);
        Assert.All(Parts.Settable(part), property => Assert.Contains(Parts.Camel(property.Name), message, StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Names))]
    public void A_value_of_the_wrong_type_is_placed(string root, string kind)
    {
        var part = Parts.Type(root, kind);
        foreach (var property in Parts.Settable(part))
        {
            var json = Parts.Least(part);
            json[Parts.Camel(property.Name)] = new JsonArray(new JsonArray());
            Assert.Contains(Parts.Camel(property.Name), Refusal(root, json.ToJsonString()), StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_missing_or_null_value_that_is_needed_is_refused(string root, string kind)
    {
        var least = Parts.Least(Parts.Type(root, kind));
        foreach (var name in least.Select(pair => pair.Key).ToArray())
        {
            var without = least.DeepClone().AsObject();
            without.Remove(name);
            Assert.Contains(name, Refusal(root, without.ToJsonString()), StringComparison.Ordinal);
            without[name] = null;
            Assert.Contains(name, Refusal(root, without.ToJsonString()), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_unknown_kind_is_answered_with_those_that_exist() => Assert.All(Parts.Catalog.Roots, root =>
    {
        foreach (var text in new[] { "{\"kind\": \"nothing-such\"}", "\"nothing-such\"", "{\"kind\": 3}", "{\"kind\": null}", "{}",
            "7", "[]" })
        {
            var message = Refusal(root.Name, text);
            Assert.Contains("the test", message, StringComparison.Ordinal);
            if (text.Contains("nothing-such", StringComparison.Ordinal))
                Assert.All(Parts.Catalog.Parts(root), part => Assert.Contains(Catalog.Kind(part), message, StringComparison.Ordinal));
        }
    });

    [Fact]
    public void Kinds_are_unique_even_without_dashes() => Assert.All(Parts.Catalog.Roots, root =>
        Assert.Equal(Parts.Catalog.Parts(root).Length, Parts.Catalog.Parts(root)
            .Select(part => Catalog.Kind(part).Replace("-", "", StringComparison.Ordinal)).Distinct().Count()));

    [Theory, MemberData(nameof(Names))]
    public void A_kind_is_found_however_it_is_spelled(string root, string kind)
    {
        var part = Parts.Type(root, kind);
        Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", kind);
        Assert.Equal(part, Parts.Catalog.Find(Parts.Root(root), kind.ToUpperInvariant()));
        Assert.Equal(part, Parts.Catalog.Find(Parts.Root(root), kind.Replace("-", "", StringComparison.Ordinal)));
        Assert.Equal(part, Parts.Catalog.Find(Parts.Root(root), part.Name));
        if (Parts.Least(part).Count == 1)
            Assert.Equal(Parts.Default(part), Read(root, $"\"{part.Name}\""));
    }

    [Theory, MemberData(nameof(Attacks))]
    public void A_published_attack_is_read_back_and_known_by_its_name(string name)
    {
        var attack = Parts.Catalog.Attacks[name];
        Assert.Equal(attack, Read(nameof(Attack), Parts.Catalog.Write(attack)));
        Assert.Equal(attack, Read(nameof(Attack), $"\"{name}\""));
        Assert.Equal(attack, Read(nameof(Attack), $"{{\"known\": \"{name}\"}}"));
    }

    [Fact]
    public void An_experiment_is_read_back_equal()
    {
        var varied = (Experiment)Parts.Varied(typeof(Experiment));
        Assert.Equal(varied, Parts.File.Parse(Parts.File.Write(varied), "the test"));
        Assert.Equal(new Experiment(), Parts.File.Parse("{}", "the test"));
    }

    [Fact]
    public void The_schema_knows_every_kind()
    {
        var schema = Parts.Catalog.Schema<Experiment>().ToJsonString();
        foreach (var root in Parts.Catalog.Roots.Where(root =>
            schema.Contains($"\"{Catalog.Kind(Parts.Catalog.Parts(root)[0])}\"", StringComparison.Ordinal)))
            Assert.All(Parts.Catalog.Parts(root), part => Assert.Contains($"\"{Catalog.Kind(part)}\"", schema, StringComparison.Ordinal));
        Assert.Contains("\"lbfgs\"", schema, StringComparison.Ordinal);
    }

    private static string Write(string root, object part) => System.Text.Json.JsonSerializer.Serialize(part, Parts.Root(root),
        Parts.Catalog.Json);

    private static object Read(string root, string text)
    {
        var read = typeof(Catalog).GetMethod(nameof(Catalog.Read))!.MakeGenericMethod(Parts.Root(root));
        return read.Invoke(Parts.Catalog, System.Reflection.BindingFlags.DoNotWrapExceptions, null, [text, "the test"], null)!;
    }

    private static string Refusal(string root, string text) => Assert.ThrowsAny<AfterimageException>(() => Read(root, text)).Message;
}
