using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Server.Runs;
using Afterimage.Server.Uploads;
using Afterimage.Server.Work;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Afterimage.Server.Endpoints;

/// <summary>Runs: the list and one of them as streams of events, their cases and pictures, a new one, and the end of one.</summary>
internal sealed class RunEndpoints(
    ServerSettings settings, RunListing listing, RunQueue queue, SubmittedExperiment submitted, CancellationToken closing)
{
    private const int LargestExperiment = 1 << 20;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/live", List);
        routes.MapGet("/api/runs/{id}/live", Follow);
        routes.MapGet("/api/runs/{id}/cases/{caseId}", Case);
        routes.MapGet("/api/runs/{id}/cases/{caseId}/images/{image:int}/{role}", Image);
        routes.MapGet("/api/runs/{id}/emerging/{caseId}", Emerging);
        routes.MapGet("/runs/{id}/report", Report);
        // Without the cast the method would be taken for one without an answer.
        routes.MapPost("/api/runs", (Delegate)Begin);
        routes.MapPost("/api/runs/{id}/stop", Stop);
    }

    private async Task List(HttpContext http)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, closing);
        listing.Watch(begins: true);
        try
        {
            listing.Refresh();
            var stream = await EventStream.Open(http.Response, either.Token).ConfigureAwait(false);
            await foreach (var list in listing.Lists.Values(EventStream.Patience, either.Token).ConfigureAwait(false))
                await (list is null ? stream.Comment(either.Token) : stream.Send("runs", list, either.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The reader is gone, or the server goes.
        }
        finally
        {
            listing.Watch(begins: false);
        }
    }

    private async Task Follow(HttpContext http, string id)
    {
        if (listing.Find(id) is not { } run)
        {
            await Answers.NotFound("run").ExecuteAsync(http).ConfigureAwait(false);
            return;
        }
        using var either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, closing);
        using var watch = run.Watch();
        try
        {
            run.Refresh();
            var stream = await EventStream.Open(http.Response, either.Token).ConfigureAwait(false);
            var (sent, generation, view) = (0, -1, "");
            await foreach (var frame in run.Frames.Values(EventStream.Patience, either.Token).ConfigureAwait(false))
            {
                if (frame is null)
                {
                    await stream.Comment(either.Token).ConfigureAwait(false);
                    continue;
                }
                if (frame.Generation != generation)
                    (sent, generation) = (0, frame.Generation);
                if (sent == 0 || frame.Rows.Count > sent)
                    await stream.Send("cases", PageJson.Write(new { From = sent, Rows = frame.Rows.Skip(sent) }), either.Token)
                        .ConfigureAwait(false);
                sent = frame.Rows.Count;
                if (frame.View != view)
                    await stream.Send("view", view = frame.View, either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The reader is gone, or the server goes.
        }
    }

    private IResult Case(string id, string caseId) => listing.Find(id)?.Case(caseId) is { } found
        ? Results.Text(ReportJson.Write(found), "application/json") : Answers.NotFound("case");

    private IResult Image(string id, string caseId, int image, string role)
    {
        if (listing.Find(id) is not { } run || run.Case(caseId)?.Images.ElementAtOrDefault(image) is not { } found)
            return Answers.NotFound("image");
        var picture = role switch
        {
            "truth" => found.Truth,
            "reconstruction" => found.Reconstruction,
            _ when role.StartsWith("step-", StringComparison.Ordinal) && int.TryParse(role.AsSpan(5), out var step) =>
                found.Path.ElementAtOrDefault(step)?.Picture,
            _ => null,
        };
        return picture is null ? Answers.NotFound("image") : Answers.Png(ReportPictures.Read(run.Folder, picture.File));
    }

    private IResult Emerging(string id, string caseId)
    {
        if (listing.Find(id) is not { } run || run.Running(caseId) is not { } known)
            return Answers.NotFound("picture");
        try
        {
            return Answers.Png(File.ReadAllBytes(EmergingPictures.PathOf(run.Folder, known)));
        }
        catch (IOException)
        {
            return Answers.NotFound("picture");
        }
    }

    private IResult Report(HttpContext http, string id)
    {
        if (listing.Find(id) is not { } run || !File.Exists(Path.Combine(run.Folder, JsonExporter.FileName)))
            return Answers.NotFound("report");
        // Written anew rather than read, so that what is sent is this program's page whatever lies in the folder.
        var page = HtmlExporter.Write(JsonExporter.Import(run.Folder), run.Folder);
        http.Response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; img-src data:; style-src '{HtmlExporter.StyleHash}'; base-uri 'none'; form-action 'none'; " +
            "frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation";
        return Results.Text(page, "text/html; charset=utf-8");
    }

    private async Task<IResult> Begin(HttpContext http)
    {
        Answers.Limit(http, LargestExperiment);
        using var body = new StreamReader(http.Request.Body);
        var experiment = submitted.Read(await body.ReadToEndAsync(http.RequestAborted).ConfigureAwait(false));
        var run = queue.Add(experiment, TimeProvider.System.GetLocalNow());
        return Results.Json(
            new { Id = RunListing.IdOf(settings.Folder, run.Path) }, PageJson.Options, statusCode: StatusCodes.Status201Created);
    }

    private IResult Stop(string id) => listing.Find(id) is { } run && queue.Stop(run.Folder)
        ? Results.NoContent() : Answers.Refused(StatusCodes.Status409Conflict, "Only runs that were started here can be stopped here.");
}
