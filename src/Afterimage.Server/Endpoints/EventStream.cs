using System.Text;
using Microsoft.AspNetCore.Http;

namespace Afterimage.Server.Endpoints;

/// <summary>Server-sent events (HTML, section 9.2) over one response.</summary>
internal sealed class EventStream
{
    /// <summary>After so long without news a comment is sent, so that a reader who is gone is noticed.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly HttpResponse response;

    private EventStream(HttpResponse response) => this.response = response;

    public static async Task<EventStream> Open(HttpResponse response, CancellationToken cancellation)
    {
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers["X-Accel-Buffering"] = "no";
        await response.WriteAsync("retry: 2000\n\n", cancellation).ConfigureAwait(false);
        return new(response);
    }

    /// <param name="name">The kind of event.</param>
    /// <param name="json">One line of JSON.</param>
    /// <param name="cancellation">The reader is gone.</param>
    public async Task Send(string name, string json, CancellationToken cancellation)
    {
        await response.WriteAsync($"event: {name}\ndata: {json}\n\n", Encoding.UTF8, cancellation).ConfigureAwait(false);
        await response.Body.FlushAsync(cancellation).ConfigureAwait(false);
    }

    public async Task Comment(CancellationToken cancellation)
    {
        await response.WriteAsync(":\n\n", cancellation).ConfigureAwait(false);
        await response.Body.FlushAsync(cancellation).ConfigureAwait(false);
    }
}
