using System.Net;
using System.Text.Json;
using Afterimage.Reports;

namespace Afterimage.Tests.Server;

[Collection(Apart.Collection)]
public class PageRunTests
{
    [Fact]
    public async Task AFinishedRunIsShownWithItsCasesAndPictures()
    {
        await using var site = await PageSite.Open();
        var id = await site.Id("done");
        var found = site.Report.Cases[0];
        var (view, cases) = await First(site, id);
        Assert.Equal("finished", view.GetProperty("run").GetProperty("status").GetString());
        Assert.Equal(site.Report.Verdict.Sentence, view.GetProperty("run").GetProperty("verdict").GetProperty("sentence").GetString());
        Assert.Contains(view.GetProperty("log").EnumerateArray(),
            line => line.GetProperty("text").GetString()!.Contains("labels recovered", StringComparison.Ordinal));
        Assert.Equal(found.Id, cases.GetProperty("rows")[0].GetProperty("id").GetString());

        using var detail = JsonDocument.Parse(await site.Get($"api/runs/{id}/cases/{found.Id}"));
        Assert.Equal(found.Advice, detail.RootElement.GetProperty("advice").GetString());
        var picture = await site.Http.GetByteArrayAsync(
            new Uri($"api/runs/{id}/cases/{found.Id}/images/1/reconstruction", UriKind.Relative));
        Assert.Equal(File.ReadAllBytes(site["runs", "done", found.Images[1].Reconstruction.File]), picture);
        Assert.Equal(HttpStatusCode.NotFound, (await site.Send(HttpMethod.Get, $"api/runs/{id}/cases/{found.Id}/images/99/truth")).Status);
    }

    [Fact]
    public async Task TheReportIsSentUnderAPolicyOfItsOwnStyleSheet()
    {
        await using var site = await PageSite.Open();
        using var answer = await site.Http.GetAsync(new Uri($"runs/{await site.Id("done")}/report", UriKind.Relative));
        var html = await answer.Content.ReadAsStringAsync();
        var style = html[(html.IndexOf("<style>", StringComparison.Ordinal) + 7)..html.IndexOf("</style>", StringComparison.Ordinal)];
        var hash = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(style)));
        Assert.Contains($"style-src 'sha256-{hash}'",
            Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatAnotherProcessWritesIsShownAsItComes()
    {
        await using var site = await PageSite.Open();
        var found = site.Report.Cases[0];
        Directory.CreateDirectory(site["runs", "live"]);
        using (var journal = Journal.Open(site["runs", "live"]))
        using (FolderLock.Take(site["runs", "live"]))
        {
            var titles = new[] { found, found with { Id = "second", Name = "second" } };
            journal.Append(PageSite.Started(site.Report with { Cases = [.. titles] }));
            journal.Append(new CaseStarted(found.Id, found.Name, 100) { At = 1 });
            var id = await site.Id("live");
            await using var events = site.Events($"api/runs/{id}/live").GetAsyncEnumerator();
            var view = await Next(events, "view");
            Assert.Equal("running", view.GetProperty("run").GetProperty("status").GetString());

            journal.Append(new IterateSeen(found.Id, 0, 1, 1, 0.5, new(2, 1, [1, 2, 3, 4, 5, 6])) { At = 1.5 });
            view = await Next(events, "view");
            var running = Assert.Single(view.GetProperty("running").EnumerateArray());
            Assert.Equal(0.5, running.GetProperty("curves")[0].GetProperty("points")[0][1].GetDouble());
            Assert.True(running.TryGetProperty("picture", out _));
            var picture = await site.Http.GetByteArrayAsync(new Uri($"api/runs/{id}/emerging/{found.Id}", UriKind.Relative));
            Assert.True(Png.IsPng(picture));

            journal.Append(new CaseFinished(found) { At = 2 });
            Assert.Equal(found.Id, (await Next(events, "cases")).GetProperty("rows")[0].GetProperty("id").GetString());
            Assert.Equal(HttpStatusCode.NotFound, (await site.Send(HttpMethod.Get, $"api/runs/{id}/emerging/{found.Id}")).Status);
            journal.Append(new CaseFinished(found with { Id = "second" }) { At = 3 });
            var more = await Next(events, "cases");
            Assert.Equal((1, "second"), (more.GetProperty("from").GetInt32(), more.GetProperty("rows")[0].GetProperty("id").GetString()));
        }
        Assert.False(Directory.Exists(site["runs", "live", EmergingPictures.FolderName]));
        Assert.Equal("stopped", (await First(site, await site.Id("live"))).View.GetProperty("run").GetProperty("status").GetString());
    }

    [Fact]
    public async Task FiftyReadersGetTheSameAtOnce()
    {
        await using var site = await PageSite.Open();
        var id = await site.Id("done");
        var readers = Enumerable.Range(0, 50).Select(_ => site.Events($"api/runs/{id}/live").GetAsyncEnumerator()).ToArray();
        await Task.WhenAll(readers.Select(reader => Next(reader, "cases")));
        await Task.WhenAll(readers.Select(reader => Next(reader, "view")));
        site.Journal("done", new CaseFinished(site.Report.Cases[0] with { Id = "late" }) { At = 4 });
        var rows = await Task.WhenAll(readers.Select(reader => Next(reader, "cases"))).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.All(rows, row => Assert.Equal("late", row.GetProperty("rows")[0].GetProperty("id").GetString()));
        foreach (var reader in readers)
            await reader.DisposeAsync();
    }

    [Fact]
    public async Task AnExperimentRunsInAProcessOfItsOwnAndTheNextOneWaits()
    {
        await using var site = await PageSite.Open();
        var (status, text) = await site.Begin(Small);
        Assert.Equal(HttpStatusCode.Created, status);
        var first = JsonDocument.Parse(text).RootElement.GetProperty("id").GetString()!;
        var second = JsonDocument.Parse((await site.Begin(Small)).Text).RootElement.GetProperty("id").GetString()!;
        Assert.Equal(HttpStatusCode.NoContent, (await site.Send(HttpMethod.Post, $"api/runs/{second}/stop")).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await site.Send(HttpMethod.Post, $"api/runs/{second}/stop")).Status);

        var worked = false;
        await foreach (var (_, list) in site.Events("api/live"))
        {
            worked |= list.GetProperty("work").GetProperty("workers")[0].TryGetProperty("doing", out var doing)
                && doing.GetString() == "Small";
            var runs = list.GetProperty("runs").EnumerateArray().ToDictionary(run => run.GetProperty("id").GetString()!);
            Assert.NotEqual("failed", runs[first].GetProperty("status").GetString());
            if (runs[first].GetProperty("status").GetString() == "finished")
            {
                Assert.Equal("failed", runs[second].GetProperty("status").GetString());
                break;
            }
        }
        Assert.True(worked);
        var view = (await First(site, first)).View;
        Assert.True(view.GetProperty("hasReport").GetBoolean());
        Assert.DoesNotContain("until-input-ends", view.GetProperty("command").GetString(), StringComparison.Ordinal);
    }

    /// <summary>An audit that takes no time.</summary>
    private const string Small = """
        {
          "title": "Small", "model": { "kind": "mlp", "depth": 1 },
          "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8" } },
          "attack": { "known": "matching", "restarts": 1, "solver": { "kind": "lbfgs", "iterations": 3 } }
        }
        """;

    private static async Task<(JsonElement View, JsonElement Cases)> First(PageSite site, string id)
    {
        await using var events = site.Events($"api/runs/{id}/live").GetAsyncEnumerator();
        var cases = await Next(events, "cases");
        return (await Next(events, "view"), cases);
    }

    private static async Task<JsonElement> Next(IAsyncEnumerator<(string Name, JsonElement Data)> events, string name)
    {
        while (await events.MoveNextAsync())
            if (events.Current.Name == name)
                return events.Current.Data;
        throw new InvalidOperationException("The stream ended.");
    }
}
