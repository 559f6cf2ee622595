using Afterimage.Server.Uploads;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Afterimage.Server.Endpoints;

/// <summary>What a form needs: the description of experiments, and files that are uploaded for them.</summary>
internal sealed class UploadEndpoints(ServerSettings settings, UploadStore uploads, FormDescription form)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/form", () => Results.Text(form.Json, "application/json"));
        routes.MapGet("/api/uploads", () => Results.Json(new { Files = uploads.All, settings.LargestUpload }, PageJson.Options));
        routes.MapPost("/api/uploads", Add);
        routes.MapDelete("/api/uploads/{id}", (string id) => uploads.Remove(id) ? Results.NoContent() : Answers.NotFound("upload"));
    }

    private async Task<IResult> Add(HttpContext http, string? name)
    {
        // One byte more than what is allowed, so that the refusal is a sentence and not a torn connection.
        Answers.Limit(http, settings.LargestUpload + (1 << 20));
        if (http.Request.ContentLength > settings.LargestUpload)
            throw new AfterimageException($"The file is larger than {settings.LargestUpload >> 20} MiB, the most that this server takes " +
                "in (--upload-limit): audit it from the command line.");
        var upload = await uploads.Add(http.Request.Body, name ?? "", http.RequestAborted).ConfigureAwait(false);
        return Results.Json(upload, PageJson.Options, statusCode: StatusCodes.Status201Created);
    }
}
