using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Afterimage.Reports;

/// <summary>
/// The JSON form of reports and events, documented in docs/report.md. Reading is strict: unknown, repeated and null members are errors, and
/// missing ones where there must be a value. Null is written by leaving a member out; numbers that are not finite are the strings "NaN",
/// "Infinity" and "-Infinity".
/// </summary>
public static class ReportJson
{
    private static readonly JsonSerializerOptions Indented = Options(indented: true);
    private static readonly JsonSerializerOptions OneLine = Options(indented: false);

    /// <summary>The content of report.json.</summary>
    public static string Write(AuditReport report) => WriteIndented(report);

    /// <summary>The content of leakage.json.</summary>
    public static string Write(LeakageReport report) => WriteIndented(report);

    /// <summary>The labels of one batch.</summary>
    public static string Write(LabelReport report) => WriteIndented(report);

    /// <summary>One case, as it stands in report.json.</summary>
    public static string Write(CaseReport found) => WriteIndented(found);

    internal static string WriteIndented<T>(T report) => JsonSerializer.Serialize(report, Indented) + "\n";

    /// <summary>Reads the content of report.json.</summary>
    /// <param name="json">The JSON text.</param>
    /// <param name="name">What errors call the text, for example its file name.</param>
    /// <exception cref="ReportException">The text is not a report of this version.</exception>
    public static AuditReport Read(string json, string name = "report.json") => Read<AuditReport>(json, name, AuditReport.CurrentSchema);

    internal static T Read<T>(string json, string name, string current)
    {
        try
        {
            using (var document = JsonDocument.Parse(json))
            {
                var root = document.RootElement;
                var schema = SchemaOf(root);
                if (schema != current)
                    throw new ReportException(schema is null
                        ? $"{name} names no schema, so it is not a report: expected \"schema\": \"{current}\"."
                        : $"{name} has schema \"{schema}\", but this version reads \"{current}\": open it with the " +
                            "version that wrote it.");
                RefuseNull(root, "$");
            }
            return JsonSerializer.Deserialize<T>(json, Indented)!;
        }
        catch (JsonException fault)
        {
            throw new ReportException($"{name} is not a valid report: {JsonFault.Text(fault)}", fault);
        }
    }

    /// <summary>An event as one line, without the line break.</summary>
    public static string WriteEvent(AuditEvent next) => JsonSerializer.Serialize(next, OneLine);

    /// <summary>Reads one line that <see cref="WriteEvent"/> wrote.</summary>
    /// <exception cref="JsonException">The line is not an event.</exception>
    public static AuditEvent ReadEvent(string line)
    {
        using (var document = JsonDocument.Parse(line))
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("event", out _))
                throw new JsonException("An event must be an object with a member \"event\".");
            RefuseNull(document.RootElement, "$");
        }
        return JsonSerializer.Deserialize<AuditEvent>(line, OneLine)!;
    }

    private static string? SchemaOf(JsonElement root) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty("schema", out var schema) ? schema.ToString() : null;

    private static void RefuseNull(JsonElement element, string path)
    {
        if (element.ValueKind == JsonValueKind.Null)
            throw new JsonException($"{path} is null: leave out what is unknown.");
        if (element.ValueKind == JsonValueKind.Object)
            foreach (var member in element.EnumerateObject())
                RefuseNull(member.Value, $"{path}.{member.Name}");
        if (element.ValueKind == JsonValueKind.Array)
            foreach (var (index, item) in element.EnumerateArray().Index())
                RefuseNull(item, $"{path}[{index}]");
    }

    /// <summary>What may be unknown may be absent: null is written by leaving a member out.</summary>
    private static void AllowAbsence(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
            if (Nullable.GetUnderlyingType(property.PropertyType) is not null
                || (property.AssociatedParameter?.IsNullable ?? property.IsSetNullable))
                property.IsRequired = false;
    }

    private static JsonSerializerOptions Options(bool indented) => new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { AllowAbsence } },
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = indented,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };
}
