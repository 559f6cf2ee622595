using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Numerics;

namespace Afterimage.Tests.Laws;

/// <summary>Every part of the catalog, and instances of it made by reflection alone: a new part is covered as it is added.</summary>
internal static class Parts
{
    public static ExperimentFile File { get; } = new(Catalog.Standard);

    public static Catalog Catalog => File.Catalog;

    /// <summary>Rows of root and kind.</summary>
    public static TheoryData<string, string> Names()
    {
        var data = new TheoryData<string, string>();
        foreach (var root in Catalog.Roots)
            foreach (var part in Catalog.Parts(root))
                data.Add(root.Name, Catalog.Kind(part));
        return data;
    }

    /// <summary>Kinds of one root.</summary>
    public static TheoryData<string> Of<TRoot>() => new(Catalog.Parts(typeof(TRoot)).Select(Catalog.Kind));

    public static Type Root(string name) => Catalog.Roots.Single(root => root.Name == name);

    public static Type Type(string root, string kind) => Catalog.Find(Root(root), kind)!;

    /// <summary>A part with the defaults of its type; what must be given is given.</summary>
    public static T Default<T>(string kind) => (T)Default(Catalog.Find(typeof(T), kind)!);

    public static object Default(Type part)
    {
        var constructor = Constructor(part);
        var made = constructor.Invoke([.. constructor.GetParameters()
            .Select(parameter => parameter.HasDefaultValue ? parameter.DefaultValue : Sample(parameter.ParameterType))]);
        foreach (var property in Settable(part).Where(property => property.IsDefined(typeof(RequiredMemberAttribute))))
            property.SetValue(made, Sample(property.PropertyType));
        return made;
    }

    /// <summary>A part none of whose properties has its default, except those that would not agree with the others then.</summary>
    public static object Varied(Type part)
    {
        var made = Default(part);
        foreach (var property in Settable(part))
        {
            var value = property.GetValue(made);
            property.SetValue(made, InRange(property, value, Other(property.PropertyType, value)));
            if ((made as ISettings)?.Fault is not null)
                property.SetValue(made, value);
        }
        return made;
    }

    private static object? InRange(PropertyInfo property, object? value, object? other)
    {
        if (property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed)
            return allowed.Values.First(choice => !Equals(choice, value));
        if (property.GetCustomAttribute<RangeAttribute>() is not { } range || other is not (int or double))
            return other;
        var number = Convert.ToDouble(other, CultureInfo.InvariantCulture);
        var (low, high) = (Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture),
            Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture));
        return number < high && number > low ? other : other is int ? (object)(int)low : low + (high - low) * 0.375;
    }

    /// <summary>The least JSON that names a part: its kind and what must be given.</summary>
    public static JsonObject Least(Type part)
    {
        var json = new JsonObject { ["kind"] = Catalog.Kind(part) };
        var required = Settable(part).Where(property => property.IsDefined(typeof(RequiredMemberAttribute)))
            .Select(property => (property.Name, property.PropertyType))
            .Concat(Constructor(part).GetParameters().Where(parameter => !parameter.HasDefaultValue)
                .Select(parameter => (Name: parameter.Name!, PropertyType: parameter.ParameterType)));
        foreach (var (name, type) in required)
            json[Camel(name)] = JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(Sample(type), type, Catalog.Json));
        return json;
    }

    /// <summary>Properties that a configuration sets.</summary>
    public static IEnumerable<PropertyInfo> Settable(Type part) => part.GetProperties().Where(property => property.SetMethod is not null);

    public static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static ConstructorInfo Constructor(Type part) => part.GetConstructors()
        .OrderByDescending(constructor => constructor.GetParameters().Length).First();

    private static object Sample(Type type) => Other(type, null)!;

    private static object? Other(Type type, object? value)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return value switch
        {
            bool flag => !flag,
            int number => number + 1,
            long number => number + 1,
            ulong number => number + 1,
            double number => number + 0.125,
            string text => text + "x",
            _ when type == typeof(bool) => true,
            _ when type == typeof(int) => 3,
            _ when type == typeof(long) => 3L,
            _ when type == typeof(ulong) => 3UL,
            _ when type == typeof(double) => 0.375,
            _ when type == typeof(string) => "some/file",
            _ when type == typeof(ImageShape) => new ImageShape(1, 9, 11),
            _ when type == typeof(JsonNode) => JsonValue.Create(2),
            _ when type.IsEnum => Enum.GetValues(type).Cast<object>().Last(other => !other.Equals(value)),
            _ when type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>) => Sequence(type.GetGenericArguments()[0]),
            _ when Catalog.IsRoot(type) => Varied(Catalog.Parts(type)
                .LastOrDefault(part => part != value?.GetType()) ?? Catalog.Parts(type)[0]),
            _ => Varied(type),
        };
    }

    private static object Sequence(Type item)
    {
        var items = Array.CreateInstance(item, 2);
        items.SetValue(Sample(item), 0);
        items.SetValue(Other(item, items.GetValue(0)), 1);
        return typeof(ValueList).GetMethod(nameof(ValueList.ToValueList))!.MakeGenericMethod(item).Invoke(null, [items])!;
    }
}
