using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Networks;
using Afterimage.Numerics;

namespace Afterimage.Tests.Laws;

/// <summary>Every number of a configuration has a range, and what lies outside is refused by one sentence that names it.</summary>
public class SettingsLaws
{
    private static readonly Type[] Others = [typeof(Experiment), typeof(ThreatModel), typeof(LabelMixing), typeof(DenoiserTraining)];

    public static TheoryData<string, string> Numbers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (type, property) in All())
                data.Add(type.FullName!, property.Name);
            return data;
        }
    }

    [Fact]
    public void Every_number_has_a_range() => Assert.Empty(All()
        .Where(pair => !pair.Property.IsDefined(typeof(RangeAttribute)) && !pair.Property.IsDefined(typeof(AllowedValuesAttribute)))
        .Select(pair => $"{pair.Type.Name}.{pair.Property.Name}"));

    [Theory, MemberData(nameof(Numbers))]
    public void The_usual_value_lies_in_it_and_what_lies_outside_is_named(string type, string name)
    {
        var (part, property) = All().Single(pair => pair.Type.FullName == type && pair.Property.Name == name);
        Assert.Empty(Settings.Faults(Parts.Default(part)));
        if (property.GetCustomAttribute<RangeAttribute>() is not { } range)
            return;
        foreach (var outside in new[] { Below(range), Above(range), double.NaN })
        {
            var made = Parts.Default(part);
            if (Boxed(property.PropertyType, outside) is not { } value)
                continue;
            property.SetValue(made, value);
            Assert.Contains(Settings.Faults(made),
                fault => fault.StartsWith($"/{Parts.Camel(name)}", StringComparison.Ordinal) && fault.EndsWith('.'));
        }
    }

    [Theory]
    [InlineData("""{ "seed": 1, "seed": 2 }""", "Duplicate property")]
    [InlineData("""{ "trials": 1e9 }""", "/trials is 1,000,000,000: give a number from 1 to 100,000.")]
    [InlineData("""{ "trials": 1.5 }""", "/trials must be a whole number, not 1.5.")]
    [InlineData("""{ "trials": null }""", "/trials must not be null")]
    [InlineData("""{ "attack": { "known": "matching", "tolerance": 1e999 } }""", "/attack/tolerance must be a finite number, not 1e999.")]
    [InlineData("""{ "attack": { "known": "matching", "restarts": 0 } }""", "/attack/restarts is 0: give a number from 1 to 100,000.")]
    [InlineData("""{ "attack": { "known": "matching", "solver": { "history": 0 } } }""", "/attack/solver/history is 0")]
    [InlineData("""{ "attack": { "known": "matching", "solver": { "iterations": -5 } } }""", "/attack/solver/iterations is -5")]
    [InlineData("""{ "attack": { "known": "matching", "continuation": [] } }""", "/attack/continuation has 0 values: give at least 1.")]
    [InlineData("""{ "attack": { "known": "matching", "start": { "kind": "uniform", "lowest": 0.9, "highest": 0.1 } } }""",
        "/attack/start: The lowest value lies above the highest")]
    [InlineData("""{ "client": { "kind": "simulated-client", "training": { "kind": "fed-avg", "epochs": 1e9 } } }""",
        "/client/training/epochs is 1,000,000,000")]
    [InlineData("""{ "client": { "kind": "simulated-client", "training": { "kind": "fed-sgd", "mode": "evil" } } }""",
        "/client/training/mode must be one of eval, train, not \"evil\".")]
    [InlineData("""{ "client": { "kind": "simulated-client", "batchSize": 1000000 } }""",
        "/client/batchSize is 1,000,000: give a number from 1 to 65,536.")]
    [InlineData("""{ "client": { "kind": "simulated-client", "defense": { "kind": "gaussian-noise", "relative": 1e308 } } }""",
        "/client/defense/relative is 1E+308")]
    [InlineData("""{ "client": { "kind": "recorded-update" } }""", "/client/update is missing")]
    [InlineData("""{ "model": { "kind": "resnet", "depth": 19 } }""", "/model/depth is 19: give one of 18, 20, 32, 56.")]
    [InlineData("""{ "model": { "kind": "lenet", "normalization": { "kind": "x" } } }""",
        "/model/normalization/kind: normalization has no")]
    [InlineData("""{ "threat": 3 }""", "/threat must be an object, not 3.")]
    [InlineData("""{ "vary": [null] }""", "/vary/0 must not be null")]
    public void A_fault_in_an_experiment_is_placed_and_says_what_to_do(string json, string expected)
    {
        var message = Assert.Throws<AfterimageException>(() => Parts.File.Expand(Parts.File.Parse(json, "it.json"))).Message;
        Assert.StartsWith("it.json", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain("Afterimage.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_cases_are_counted_before_any_is_made()
    {
        var values = Enumerable.Range(1, 1000).Select(value => (JsonNode?)JsonValue.Create(value)).ToValueList();
        var sweep = new Experiment { Vary = [new("/seed", values), new("/client/batchSize", values)] };
        Refusal.Says("1,000,000 combinations of the axes in 1 trials are too many", () => { Parts.File.Expand(sweep); });
    }

    private static IEnumerable<(Type Type, PropertyInfo Property)> All() =>
        from type in Parts.Catalog.Roots.SelectMany(root => Parts.Catalog.Parts(root)).Concat(Others)
        from property in Parts.Settable(type)
        where Item(property.PropertyType) is { } item && (item == typeof(int) || item == typeof(long) || item == typeof(double))
        select (type, property);

    private static Type Item(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>) ? type.GetGenericArguments()[0] : type;
    }

    private static double Below(RangeAttribute range) => Number(range.Minimum) - (range.MinimumIsExclusive ? 0 : 1);

    private static double Above(RangeAttribute range) => range.MaximumIsExclusive ? Number(range.Maximum) : Number(range.Maximum) * 2 + 1;

    private static double Number(object bound) => Convert.ToDouble(bound, CultureInfo.InvariantCulture);

    private static object? Boxed(Type type, double value)
    {
        var item = Item(type);
        if (item == typeof(int) && (double.IsNaN(value) || value > int.MaxValue))
            return null;
        var number = item == typeof(int) ? (object)(int)value : value;
        var list = (Nullable.GetUnderlyingType(type) ?? type).IsGenericType;
        return !list ? number : item == typeof(int) ? new[] { (int)value }.ToValueList() : new[] { value }.ToValueList();
    }
}
