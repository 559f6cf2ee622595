using System.Net;
using Microsoft.AspNetCore.Http;

namespace Afterimage.Server.Security;

/// <summary>
/// Refuses requests that another site made a browser send. A name that was rebound to this address shows in the header Host, which may
/// hold an address, localhost, or a name that the operator gave; a foreign page shows in Origin and Sec-Fetch-Site, and cannot set
/// <see cref="Header"/>.
/// </summary>
internal sealed class Origin(IReadOnlyList<string> names)
{
    /// <summary>A header that the page's own scripts set on everything that changes something.</summary>
    public const string Header = "X-Afterimage";

    /// <summary>Why a request is refused; null for one that may pass.</summary>
    public string? Refusal(HttpRequest request)
    {
        if (!Knows(request.Host.Host))
            return "This server does not answer under that name: open it by its address, or start it with --host NAME.";
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
            return null;
        var origin = request.Headers.Origin.ToString();
        var isOwn = origin.Length == 0 || (Uri.TryCreate(origin, UriKind.Absolute, out var site)
            && string.Equals(site.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase));
        var fetch = request.Headers["Sec-Fetch-Site"].ToString();
        return isOwn && fetch is ("" or "same-origin") && request.Headers.ContainsKey(Header) ? null
            : $"Only the page itself may change something here: send the header {Header} if you are a program.";
    }

    private bool Knows(string host) => IPAddress.TryParse(host.Trim('[', ']'), out _)
        || string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase)
        || names.Contains(host, StringComparer.OrdinalIgnoreCase);
}
