using System.Collections.Immutable;
using System.Net;
using System.Text;
using Afterimage.Audit.Cases;
using Afterimage.Reports;
using Afterimage.Server;
using Afterimage.Tests.Reports;

namespace Afterimage.Tests.Server;

/// <summary>A server over a folder of its own, with one run that has ended.</summary>
internal sealed class PageSite : IAsyncDisposable
{
    public const string Token = "a token that nobody guesses";

    private readonly TemporaryFolder folder = new();

    private PageSite() { }

    public PageServer Server { get; private set; } = null!;

    public HttpClient Http { get; } = new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false })
    {
        Timeout = TimeSpan.FromMinutes(2),
    };

    /// <summary>The report of the run in the folder "done".</summary>
    public AuditReport Report { get; private set; } = null!;

    public string this[params string[] parts] => folder[parts];

    public static async Task<PageSite> Open(Func<ServerSettings, ServerSettings>? change = null)
    {
        var site = new PageSite();
        Directory.CreateDirectory(site["runs", "done"]);
        site.Report = new SampleReports(site["runs", "done"], SampleReports.Procedural).Batch();
        site.Journal("done",
            Started(site.Report), new CaseFinished(site.Report.Cases[0]) { At = 2 }, new AuditFinished(site.Report) { At = 3 });
        Afterimage.Reports.Exporters.JsonExporter.Export(site.Report, site["runs", "done"]);
        var settings = new ServerSettings
        {
            Folder = site["runs"],
            Files = new ExperimentFile(Catalog.Standard),
            Program = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "Afterimage.Cli.dll")]),
            Listen = new(IPAddress.Loopback, 0),
            LargestUpload = 1 << 20,
        };
        site.Server = await PageServer.Start(change?.Invoke(settings) ?? settings);
        site.Http.BaseAddress = new($"http://127.0.0.1:{site.Server.Port}/");
        return site;
    }

    public static AuditStarted Started(AuditReport report) =>
        new(report with { Cases = [] }, [.. report.Cases.Select(found => new CaseTitle(found.Id, found.Name))]);

    /// <summary>Adds events to the journal of a run, as another process would.</summary>
    public void Journal(string run, params ReadOnlySpan<AuditEvent> events)
    {
        using var journal = Afterimage.Reports.Journal.Open(folder["runs", run]);
        foreach (var next in events)
            journal.Append(next);
    }

    public async Task<string> Get(string path) => await Http.GetStringAsync(new Uri(path, UriKind.Relative));

    /// <summary>Sends as the page does.</summary>
    public async Task<(HttpStatusCode Status, string Text)> Send(HttpMethod method, string path, HttpContent? content = null,
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = content };
        foreach (var (name, value) in headers.Length == 0 ? [("X-Afterimage", "page")] : headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await Http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public Task<(HttpStatusCode Status, string Text)> Begin(string experiment) =>
        Send(HttpMethod.Post, "api/runs", new StringContent(experiment, Encoding.UTF8, "application/json"));

    public Task<(HttpStatusCode Status, string Text)> Upload(string name, byte[] bytes) =>
        Send(HttpMethod.Post, $"api/uploads?name={Uri.EscapeDataString(name)}", new ByteArrayContent(bytes));

    /// <summary>The identity of a run's folder, as the list says it.</summary>
    public async Task<string> Id(string run)
    {
        await foreach (var (_, json) in Events("api/live"))
            if (json.GetProperty("runs").EnumerateArray().FirstOrDefault(one => one.GetProperty("folder").GetString() == run) is
                { ValueKind: System.Text.Json.JsonValueKind.Object } found)
                return found.GetProperty("id").GetString()!;
        throw new InvalidOperationException("The stream ended.");
    }

    /// <summary>Server-sent events until the reader has enough.</summary>
    public async IAsyncEnumerable<(string Name, System.Text.Json.JsonElement Data)> Events(string path)
    {
        using var answer = await Http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        answer.EnsureSuccessStatusCode();
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var name = "";
        while (await lines.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("event: ", StringComparison.Ordinal))
                name = line[7..];
            if (line.StartsWith("data: ", StringComparison.Ordinal))
                yield return (name, System.Text.Json.JsonDocument.Parse(line[6..]).RootElement);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Server.DisposeAsync();
        folder.Dispose();
    }
}
