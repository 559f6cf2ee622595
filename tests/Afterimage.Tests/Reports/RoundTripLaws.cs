using System.Collections.Immutable;
using System.Reflection;
using Afterimage.Reports;

namespace Afterimage.Tests.Reports;

/// <summary>What an audit may find is read back as it was written: absent members, empty lists, numbers that are none.</summary>
[Collection(Apart.Collection)]
public class RoundTripLaws
{
    private const int Samples = 60;

    public static TheoryData<string> Events => new(typeof(AuditEvent).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(AuditEvent)) && !type.IsAbstract).Select(type => type.Name));

    [Theory, MemberData(nameof(Events))]
    public void An_event_is_read_back(string name)
    {
        var type = typeof(AuditEvent).Assembly.GetTypes().Single(type => type.Name == name);
        for (var seed = 0; seed < Samples; seed++)
        {
            var line = ReportJson.WriteEvent((AuditEvent)new Maker(seed).Make(type)!);
            Assert.Equal(line, ReportJson.WriteEvent(ReportJson.ReadEvent(line)));
        }
    }

    [Fact]
    public void A_report_is_read_back()
    {
        for (var seed = 0; seed < Samples; seed++)
        {
            var report = (AuditReport)new Maker(seed).Make(typeof(AuditReport))!;
            var text = ReportJson.Write(report with { Schema = AuditReport.CurrentSchema });
            Assert.Equal(text, ReportJson.Write(ReportJson.Read(text)));
        }
    }

    /// <summary>Records by reflection: sample 0 has nothing that may be absent, sample 1 everything, the others some.</summary>
    private sealed class Maker(int seed)
    {
        private static readonly double[] Numbers =
            [0, -0.0, 1, 0.1, -2.5e-300, 1e300, double.NaN, double.PositiveInfinity, double.NegativeInfinity];

        private readonly NullabilityInfoContext nullability = new();
        private readonly Random random = new(seed);

        public object? Make(Type type)
        {
            if (Nullable.GetUnderlyingType(type) is { } inner)
                return IsAbsent ? null : Make(inner);
            if (type == typeof(double))
                return Numbers[random.Next(Numbers.Length)];
            if (type == typeof(int))
                return random.Next(-3, 1000);
            if (type == typeof(long))
                return random.NextInt64(1L << 40);
            if (type == typeof(ulong))
                return (ulong)random.NextInt64();
            if (type == typeof(bool))
                return random.Next(2) == 1;
            if (type == typeof(string))
                return ((string[])["", "one", "zwei ½", "\"three\"\n", "{4}"])[random.Next(5)];
            if (type == typeof(DateTimeOffset))
                return DateTimeOffset.UnixEpoch.AddSeconds(random.Next());
            if (type == typeof(byte[]))
                return new byte[] { 1, 2, 3 };
            if (type.IsEnum)
                return Enum.GetValues(type).GetValue(random.Next(Enum.GetValues(type).Length));
            return type.IsGenericType ? Collection(type) : Record(type);
        }

        private bool IsAbsent => seed == 0 || (seed > 1 && random.Next(2) == 0);

        private object Collection(Type type)
        {
            var types = type.GetGenericArguments();
            var count = seed == 0 ? 0 : random.Next(1, 3);
            var items = Array.CreateInstance(types[^1], count);
            for (var i = 0; i < count; i++)
                items.SetValue(Make(types[^1]), i);
            var make = types.Length == 1 ? nameof(ListOf) : nameof(MapOf);
            return typeof(Maker).GetMethod(make, BindingFlags.NonPublic | BindingFlags.Static)!
                .MakeGenericMethod(types[^1]).Invoke(null, [items])!;
        }

        private static ImmutableArray<T> ListOf<T>(T[] items) => [.. items];

        private static ImmutableSortedDictionary<string, T> MapOf<T>(T[] items) =>
            items.Index().ToImmutableSortedDictionary(pair => $"key {pair.Index}", pair => pair.Item);

        private object Record(Type type)
        {
            var constructor = type.GetConstructors().OrderByDescending(made => made.GetParameters().Length).FirstOrDefault();
            var made = constructor is null ? Activator.CreateInstance(type)! : constructor.Invoke([.. constructor.GetParameters()
                .Select(parameter => IsNullable(nullability.Create(parameter)) && IsAbsent ? null : Make(parameter.ParameterType))]);
            var given = constructor?.GetParameters().Select(parameter => parameter.Name).ToHashSet() ?? [];
            var others = type.GetProperties().Where(property => property.SetMethod is not null && !given.Contains(property.Name));
            foreach (var property in others)
                property.SetValue(made, IsNullable(nullability.Create(property)) && IsAbsent ? null : Make(property.PropertyType));
            return made;
        }

        private static bool IsNullable(NullabilityInfo info) => info.ReadState == NullabilityState.Nullable;
    }
}
