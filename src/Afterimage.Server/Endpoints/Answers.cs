using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Afterimage.Server.Endpoints;

/// <summary>Answers that several endpoints give.</summary>
internal static class Answers
{
    /// <summary>A refusal as a sentence.</summary>
    public static IResult Refused(int status, string sentence) =>
        Results.Json(new { Fault = sentence }, PageJson.Options, statusCode: status);

    public static IResult NotFound(string what) => Refused(StatusCodes.Status404NotFound, $"There is no such {what}.");

    public static IResult Png(byte[] bytes) => Results.Bytes(bytes, "image/png");

    /// <summary>The most bytes that a request may bring.</summary>
    public static void Limit(HttpContext http, long bytes)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
            feature.MaxRequestBodySize = bytes;
    }
}
