using System.Text.Json;
using System.Text.Json.Serialization;

namespace Afterimage.Reports;

/// <summary>Writes a point as the pair [evaluation, value], so that a curve of a thousand points is a thousand short lines.</summary>
internal sealed class CurvePointConverter : JsonConverter<CurvePoint>
{
    public override CurvePoint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("A point of a curve must be a pair [evaluation, value].");
        reader.Read();
        var evaluation = JsonSerializer.Deserialize<int>(ref reader, options);
        reader.Read();
        var value = JsonSerializer.Deserialize<double>(ref reader, options);
        reader.Read();
        return reader.TokenType == JsonTokenType.EndArray
            ? new(evaluation, value)
            : throw new JsonException("A point of a curve must be a pair [evaluation, value].");
    }

    public override void Write(Utf8JsonWriter writer, CurvePoint value, JsonSerializerOptions options) =>
        writer.WriteRawValue($"[{JsonSerializer.Serialize(value.Evaluation, options)},{JsonSerializer.Serialize(value.Value, options)}]");
}
