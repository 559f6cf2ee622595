using System.Net;
using Afterimage.Reports;
using Afterimage.Server;

namespace Afterimage.Tests.Server;

[Collection(Apart.Collection)]
public class PageSecurityTests(SharedSite shared) : IClassFixture<SharedSite>
{
    [Theory]
    [InlineData("")]
    [InlineData("new")]
    [InlineData("page/run.js")]
    [InlineData("api/uploads")]
    [InlineData("nothing")]
    public async Task EveryAnswerForbidsWhatIsNotNeeded(string path)
    {
        var site = shared.Site;
        using var answer = await site.Http.GetAsync(new Uri(path, UriKind.Relative));
        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'none'; script-src 'self'; style-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("same-origin", Assert.Single(answer.Headers.GetValues("Cross-Origin-Resource-Policy")));
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task PagesHoldNeitherScriptNorStyle()
    {
        var site = shared.Site;
        foreach (var page in new[] { "", "new", $"runs/{await site.Id("done")}" })
        {
            var html = await site.Get(page);
            Assert.DoesNotContain("<style", html, StringComparison.Ordinal);
            Assert.DoesNotContain("style=", html, StringComparison.Ordinal);
            Assert.DoesNotMatch("<script(?![^>]* src=)|\\son[a-z]+=", html);
        }
    }

    [Theory]
    [InlineData("attacker.example", HttpStatusCode.Forbidden)]
    [InlineData("127.0.0.1.attacker.example:5150", HttpStatusCode.Forbidden)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("[::1]:5150", HttpStatusCode.OK)]
    [InlineData("audits.example", HttpStatusCode.Forbidden)]
    public async Task ANameThatWasReboundToThisAddressIsRefused(string host, HttpStatusCode expected) =>
        Assert.Equal(expected, (await shared.Site.Send(HttpMethod.Get, "", null, ("Host", host))).Status);

    [Fact]
    public async Task ANameThatTheOperatorGaveIsAnswered()
    {
        await using var site = await PageSite.Open(settings => settings with { Hosts = ["audits.example"] });
        Assert.Equal(HttpStatusCode.OK, (await site.Send(HttpMethod.Get, "", null, ("Host", "audits.example"))).Status);
    }

    [Fact]
    public async Task OtherSitesChangeNothing()
    {
        var site = shared.Site;
        (string, string)[][] foreign =
        [
            [("Accept", "*/*")],
            [("X-Afterimage", "page"), ("Origin", "https://attacker.example")],
            [("X-Afterimage", "page"), ("Origin", "null")],
            [("X-Afterimage", "page"), ("Sec-Fetch-Site", "cross-site")],
        ];
        foreach (var headers in foreign)
        {
            using var experiment = new StringContent("{}");
            Assert.Equal(HttpStatusCode.Forbidden, (await site.Send(HttpMethod.Post, "api/runs", experiment, headers)).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await site.Send(HttpMethod.Delete, "api/uploads/x", null, headers)).Status);
        }
        Assert.Equal(HttpStatusCode.NotFound, (await site.Send(HttpMethod.Delete, "api/uploads/x", null,
            ("X-Afterimage", "page"), ("Origin", site.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)))).Status);
    }

    [Fact]
    public async Task WithoutTheTokenNothingIsSeen()
    {
        await using var site = await PageSite.Open(settings => settings with { Token = PageSite.Token });
        Assert.Equal(HttpStatusCode.Redirect, (await site.Send(HttpMethod.Get, "")).Status);
        foreach (var path in new[] { "api/live", "api/form", "api/uploads", "api/runs/x/live" })
            Assert.Equal(HttpStatusCode.Unauthorized, (await site.Send(HttpMethod.Get, path)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await site.Begin("{}")).Status);
        Assert.Equal(HttpStatusCode.OK, (await site.Send(HttpMethod.Get, "login")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await LogIn(site, PageSite.Token + "x")).Status);

        var (status, cookie) = await LogIn(site, PageSite.Token);
        Assert.Equal(HttpStatusCode.NoContent, status);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(PageSite.Token, cookie, StringComparison.Ordinal);
        var pair = cookie.Split(';')[0];
        Assert.Equal(HttpStatusCode.OK, (await site.Send(HttpMethod.Get, "api/form", null, ("Cookie", pair))).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await site.Send(HttpMethod.Get, "api/form", null, ("Cookie", pair + "0"))).Status);
        Assert.Equal(HttpStatusCode.OK,
            (await site.Send(HttpMethod.Get, "api/form", null, ("Authorization", $"Bearer {PageSite.Token}"))).Status);
        using var stream = new HttpRequestMessage(HttpMethod.Get, new Uri("api/live", UriKind.Relative));
        stream.Headers.Add("Cookie", pair);
        using var live = await site.Http.SendAsync(stream, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    [Theory]
    [InlineData("0.0.0.0", null, "needs a token")]
    [InlineData("127.0.0.1", "short", "shorter than 16")]
    public async Task StrangersAreNotLetIn(string address, string? token, string words)
    {
        var fault = await Assert.ThrowsAsync<AfterimageException>(() => PageSite.Open(settings => settings with
        {
            Listen = new(IPAddress.Parse(address), 0), Token = token,
        }));
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoPathFromOutsideIsOpened()
    {
        await using var site = await PageSite.Open();
        File.WriteAllBytes(site["secret.png"], Png.Gray(1, 1, [0]));
        var stolen = site.Report.Cases[0] with
        {
            Id = "stolen",
            Images = [site.Report.Cases[0].Images[0] with { Reconstruction = new("../../secret.png", 1, 1) }],
        };
        site.Journal("done", new CaseFinished(stolen));
        var id = await site.Id("done");
        Assert.Equal(HttpStatusCode.BadRequest,
            (await site.Send(HttpMethod.Get, $"api/runs/{id}/cases/stolen/images/0/reconstruction")).Status);
        foreach (var path in new[] { "api/runs/..%2Fdone/live", "runs/..%2F..%2Fsecret.png/report", "page/..%2Findex.html",
            "page/index.html", $"api/runs/{id}/emerging/..%2F..%2Fsecret", $"api/runs/{id}/cases/..%2F..%2Fsecret.png" })
            Assert.NotEqual(HttpStatusCode.OK, (await site.Send(HttpMethod.Get, path)).Status);
    }

    private static async Task<(HttpStatusCode Status, string Cookie)> LogIn(PageSite site, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("api/login", UriKind.Relative))
        {
            Content = new StringContent(token),
        };
        request.Headers.Add("X-Afterimage", "page");
        using var answer = await site.Http.SendAsync(request);
        return (answer.StatusCode, answer.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies.Single() : "");
    }
}
