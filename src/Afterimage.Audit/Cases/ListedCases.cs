using System.Text.Json.Nodes;
using Afterimage.Numerics;

namespace Afterimage.Audit.Cases;

/// <summary>The cases that an experiment lists one by one, with names as if they lay on axes.</summary>
internal static class ListedCases
{
    /// <summary>The settings of each listed case.</summary>
    public static IEnumerable<List<AxisValue>> Of(Experiment experiment)
    {
        if (experiment.Cases is not { Count: > 0 } listed)
            return [];
        var pointers = listed.SelectMany(settings => settings).Select(setting => setting.Pointer).Distinct().ToArray();
        var axes = pointers.Select(pointer => new Axis(pointer, Values(listed, pointer))).ToValueList();
        var all = axes.Concat(experiment.Vary.Where(axis => !pointers.Contains(axis.Pointer))).ToValueList();
        var named = axes.ToDictionary(axis => axis.Pointer, axis => AxisValue.All(axis, all));
        return listed.Select(settings => settings.Select(setting =>
            named[setting.Pointer].First(value => JsonNode.DeepEquals(value.Value, setting.Value))).ToList());
    }

    /// <exception cref="AfterimageException">A listed case says nothing, or something twice.</exception>
    public static void Check(Experiment experiment)
    {
        foreach (var (number, settings) in (experiment.Cases ?? []).Index())
        {
            if (settings.Count == 0)
                throw new AfterimageException($"/cases/{number} has no settings: list at least one pointer and value.");
            if (settings.CountBy(setting => setting.Pointer).FirstOrDefault(pair => pair.Value > 1).Key is { } twice)
                throw new AfterimageException($"/cases/{number} sets {twice} twice: leave one of them out.");
        }
    }

    private static ValueList<JsonNode?> Values(ValueList<ValueList<Setting>> listed, string pointer)
    {
        var values = new List<JsonNode?>();
        foreach (var setting in listed.SelectMany(settings => settings).Where(setting => setting.Pointer == pointer))
            if (!values.Any(value => JsonNode.DeepEquals(value, setting.Value)))
                values.Add(setting.Value?.DeepClone());
        return values.ToValueList();
    }
}
