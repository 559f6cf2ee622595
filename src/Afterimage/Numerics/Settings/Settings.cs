using System.Collections;
using System.Globalization;
using System.Reflection;

namespace Afterimage.Numerics;

/// <summary>Settings whose members must agree with one another, besides each lying in its own range.</summary>
public interface ISettings
{
    /// <summary>What does not fit together, one sentence that says what to do; null when nothing is wrong.</summary>
    string? Fault { get; }
}

/// <summary>
/// The one place that judges settings: every number of a record lies in the range that stands at its property, however deep it is, and
/// records whose members must agree say so themselves (<see cref="ISettings"/>).
/// </summary>
public static class Settings
{
    /// <summary>One sentence for everything wrong, with its JSON pointer; empty when nothing is.</summary>
    /// <param name="settings">A record.</param>
    /// <param name="path">The pointer to it.</param>
    public static IEnumerable<string> Faults(object settings, string path = "")
    {
        foreach (var property in settings.GetType().GetProperties())
        {
            if (property.SetMethod is null || property.GetIndexParameters().Length > 0 || property.GetValue(settings) is not { } value)
                continue;
            foreach (var fault in Faults(property, value, $"{path}/{JsonName(property)}"))
                yield return fault;
        }
        if ((settings as ISettings)?.Fault is { } disagreement)
            yield return path.Length == 0 ? disagreement : $"{path}: {disagreement}";
    }

    /// <summary>Refuses settings that are wrong.</summary>
    /// <exception cref="AfterimageException">Something is wrong; all of it is named.</exception>
    public static void Check(object settings)
    {
        if (Faults(settings).ToArray() is { Length: > 0 } faults)
            throw Wrong(PartKind.Of(settings.GetType()), faults);
    }

    /// <summary>The exception for settings of which something is wrong.</summary>
    /// <param name="origin">What the settings are, or where they come from.</param>
    /// <param name="faults">One sentence for each fault.</param>
    public static AfterimageException Wrong(string origin, IReadOnlyList<string> faults) =>
        new($"{origin}: {Joined(faults)}") { Faults = faults };

    /// <summary>Several faults as one sentence.</summary>
    public static string Joined(IEnumerable<string> faults) => string.Join("; ", faults.Select(fault => fault.TrimEnd('.'))) + ".";

    /// <summary>The numbers of a range in words: "from 1 to 200", "above 0 and up to 1".</summary>
    public static string Words(RangeAttribute range) =>
        (range.MinimumIsExclusive ? $"above {Number(range.Minimum)} and " : $"from {Number(range.Minimum)} ") +
        (range.MaximumIsExclusive ? $"{(range.MinimumIsExclusive ? "" : "to ")}below {Number(range.Maximum)}"
            : $"{(range.MinimumIsExclusive ? "up " : "")}to {Number(range.Maximum)}");

    private static IEnumerable<string> Faults(PropertyInfo property, object value, string path)
    {
        if (value is IEnumerable items and not string)
        {
            var count = 0;
            foreach (var item in items)
                foreach (var fault in item is null ? [] : Faults(property, item, $"{path}/{count++}"))
                    yield return fault;
            if (property.GetCustomAttribute<MinLengthAttribute>() is { } length && count < length.Length)
                yield return $"{path} has {count} values: give at least {length.Length}.";
        }
        else if (value is int or long or float or double)
        {
            var number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
            if (property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed && !allowed.Values.Contains(value))
                yield return $"{path} is {Number(value)}: give one of {string.Join(", ", allowed.Values)}.";
            else if (property.GetCustomAttribute<RangeAttribute>() is { } range && !Holds(range, number))
                yield return $"{path} is {Number(value)}: give a number {Words(range)}.";
            else if (!double.IsFinite(number))
                yield return $"{path} is {Number(value)}: give a finite number.";
        }
        else if (value.GetType() is { IsClass: true, Namespace: { } room } && room.StartsWith("Afterimage", StringComparison.Ordinal))
        {
            foreach (var fault in Faults(value, path))
                yield return fault;
        }
    }

    private static bool Holds(RangeAttribute range, double number)
    {
        var (low, high) = (Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture),
            Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture));
        return (range.MinimumIsExclusive ? number > low : number >= low) && (range.MaximumIsExclusive ? number < high : number <= high);
    }

    private static string JsonName(PropertyInfo property) => char.ToLowerInvariant(property.Name[0]) + property.Name[1..];

    private static string Number(object value) => value is int or long ? string.Create(CultureInfo.InvariantCulture, $"{value:N0}")
        : Convert.ToDouble(value, CultureInfo.InvariantCulture).ToString("G6", CultureInfo.InvariantCulture);
}
