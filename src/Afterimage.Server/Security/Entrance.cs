using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Afterimage.Server.Security;

/// <summary>
/// Lets in whoever has the token, by a cookie that scripts cannot read and other sites cannot send, or by the header Authorization.
/// Streams of events pass through the same door.
/// </summary>
internal sealed class Entrance(string? token, int port)
{
    private static readonly TimeSpan AfterAWrongToken = TimeSpan.FromMilliseconds(300);

    // The cookie is not the token: whoever reads it can be shut out by starting the server again.
    private readonly string session = RandomNumberGenerator.GetHexString(64, lowercase: true);

    /// <summary>Whether a token is asked for at all.</summary>
    public bool IsGuarded => token is not null;

    // Cookies are shared by all ports of a host.
    private string CookieName => $"afterimage-{port}";

    /// <summary>Whether a request may pass.</summary>
    public bool Admits(HttpRequest request) => token is null
        || (request.Cookies.TryGetValue(CookieName, out var cookie) && Same(cookie, session))
        || (request.Headers.Authorization is [{ } bearer] && bearer.StartsWith("Bearer ", StringComparison.Ordinal)
            && Same(bearer[7..], token));

    /// <summary>Gives the cookie for the token.</summary>
    /// <returns>Whether it was the token.</returns>
    public async Task<bool> LogIn(HttpContext http, string given)
    {
        if (token is null || !Same(given, token))
        {
            await Task.Delay(AfterAWrongToken, http.RequestAborted).ConfigureAwait(false);
            return token is null;
        }
        http.Response.Cookies.Append(CookieName, session, new()
        {
            HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = http.Request.IsHttps, Path = "/", IsEssential = true,
        });
        return true;
    }

    /// <summary>Compares in a time that does not depend on where two texts differ, nor on their lengths.</summary>
    private static bool Same(string given, string expected) => CryptographicOperations.FixedTimeEquals(
        SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(expected)));
}
