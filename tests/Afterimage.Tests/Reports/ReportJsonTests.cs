using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Tests.Reports;

[Collection(Apart.Collection)]
public sealed class ReportJsonTests : IDisposable
{
    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_value_survives_the_round_trip()
    {
        foreach (var report in new[] { _folder.Samples.Single(), _folder.Samples.Batch(), _folder.Samples.Sweep(),
            _folder.Samples.WithoutTruth() })
        {
            var again = ReportJson.Read(ReportJson.Write(report));
            Assert.Equivalent(report with { Cases = [] }, again with { Cases = [] }, strict: true);
            Assert.Equal(report.Cases.SelectMany(found => found.Curves).SelectMany(curve => curve.Points),
                again.Cases.SelectMany(found => found.Curves).SelectMany(curve => curve.Points));
            Assert.Equal(report.Cases.SelectMany(found => found.Images).SelectMany(image => image.Path),
                again.Cases.SelectMany(found => found.Images).SelectMany(image => image.Path));
            Assert.Equal(ReportJson.Write(report), ReportJson.Write(again));
        }
    }

    [Fact]
    public void Names_are_camel_case_and_levels_are_words()
    {
        var json = JsonNode.Parse(ReportJson.Write(_folder.Samples.Single()))!;
        Assert.Equal("afterimage-report/1", (string?)json["schema"]);
        Assert.Equal("exact", (string?)json["verdict"]!["level"]);
        Assert.Equal(41.3, (double)json["cases"]![0]!["images"]![0]!["metrics"]!["psnr"]!);
        Assert.Equal(2, json["cases"]![0]!["curves"]![0]!["points"]![0]!.AsArray().Count);
    }

    [Theory]
    [InlineData(double.NaN, "\"NaN\"")]
    [InlineData(double.PositiveInfinity, "\"Infinity\"")]
    [InlineData(double.NegativeInfinity, "\"-Infinity\"")]
    public void Numbers_that_are_not_finite_are_words(double value, string word)
    {
        var report = _folder.Samples.Single();
        report = report with
        {
            Cases = [report.Cases[0] with { RelativeMisfit = value, Curves = [new("restart 1", [new(1, value)])] }],
        };
        var json = ReportJson.Write(report);
        Assert.Contains($"\"relativeMisfit\": {word}", json);
        var again = ReportJson.Read(json).Cases[0];
        Assert.Equal(value, again.RelativeMisfit);
        Assert.Equal(value, again.Curves[0].Points[0].Value);
    }

    [Fact]
    public void What_is_unknown_is_absent()
    {
        var json = ReportJson.Write(_folder.Samples.WithoutTruth());
        Assert.DoesNotContain("null", json);
        Assert.DoesNotContain("labelAccuracy", json);
        Assert.Null(ReportJson.Read(json).Cases[0].LabelAccuracy);
    }

    [Theory]
    [InlineData("\"version\":", "\"color\": 1, \"version\":", "color")]
    [InlineData("\"version\":", "\"version\": \"2\", \"version\":", "version")]
    [InlineData("\"version\": \"0.1.0\",", "", "version")]
    [InlineData("\"version\": \"0.1.0\"", "\"version\": null", "$.version is null")]
    [InlineData("\"level\": \"exact\"", "\"level\": 4", "level")]
    [InlineData("\"level\": \"exact\"", "\"level\": \"total\"", "level")]
    [InlineData("\"index\": 0", "\"index\": \"first\"", "index")]
    [InlineData("afterimage-report/1", "afterimage-report/9", "afterimage-report/9")]
    [InlineData("\"schema\": \"afterimage-report/1\",", "", "schema")]
    [InlineData("\"cites\": [", "\"cites\": [ null,", "null")]
    public void A_report_that_departs_from_the_schema_is_refused(string found, string instead, string named)
    {
        var json = ReportJson.Write(_folder.Samples.Single());
        Assert.Contains(found, json);
        var fault = Assert.Throws<ReportException>(() => ReportJson.Read(json.Replace(found, instead), "runs/a/report.json"));
        Assert.StartsWith("runs/a/report.json", fault.Message);
        Assert.Contains(named, fault.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    public void Text_that_is_no_report_is_refused(string json) => Assert.Throws<ReportException>(() => ReportJson.Read(json));

    [Fact]
    public void Events_round_trip_on_one_line()
    {
        var report = _folder.Samples.Single();
        AuditEvent[] events =
        [
            new AuditStarted(report with { Cases = [] }, [new("a", "first\nsecond")]) { At = 0.5 },
            new CaseStarted("a", "first", 300) { At = 1 },
            new IterateSeen("a", 1, 2, 3, double.NaN) { At = 2 },
            new PhaseSeen("a", "multiplies", 5, 9, "columns") { At = 2.5 },
            new CaseFinished(report.Cases[0]) { At = 3 },
            new AuditFinished(report) { At = 4 },
        ];
        foreach (var next in events)
        {
            var line = ReportJson.WriteEvent(next);
            Assert.DoesNotContain('\n', line);
            Assert.Equal(line, ReportJson.WriteEvent(ReportJson.ReadEvent(line)));
            Assert.Equal(next.GetType(), ReportJson.ReadEvent(line).GetType());
        }
        Assert.Equal(events[2], ReportJson.ReadEvent(ReportJson.WriteEvent(events[2])));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("7")]
    [InlineData("""{"event":"party","at":1}""")]
    [InlineData("""{"event":"case-started","at":1,"id":"a","name":"b"}""")]
    [InlineData("""{"event":"case-started","at":1,"id":"a","name":"b","budget":1,"more":2}""")]
    public void A_line_that_is_no_event_is_refused(string line) => Assert.ThrowsAny<JsonException>(() => ReportJson.ReadEvent(line));

    [Fact]
    public void A_report_folder_is_read_back()
    {
        var report = _folder.Samples.Batch();
        Assert.Equal(_folder.File("report.json"), JsonExporter.Export(report, _folder.Path));
        Assert.Equal(ReportJson.Write(report), ReportJson.Write(JsonExporter.Import(_folder.Path)));
        Assert.Contains("report.json", Assert.Throws<ReportException>(() => JsonExporter.Import(_folder.File("nowhere"))).Message);
    }

    [Fact]
    public void A_spread_is_minimum_median_mean_maximum_and_sample_deviation()
    {
        Assert.Equal(new Spread(4, 1, 2.5, 3, 6, Math.Sqrt(14.0 / 3)), Spread.Of([6, 1, 3, 2]));
        Assert.Equal(new Spread(1, 7, 7, 7, 7, 0), Spread.Of([7]));
        Assert.Throws<ArgumentException>(() => Spread.Of(ImmutableArray<double>.Empty));
    }
}
