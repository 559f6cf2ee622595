using System.Net;
using System.Text;
using System.Text.Json;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Models;

namespace Afterimage.Tests.Server;

[Collection(Apart.Collection)]
public class PageUploadTests(SharedSite shared) : IClassFixture<SharedSite>
{
    private readonly PageSite site = shared.Site;

    [Fact]
    public async Task WhatAnAuditCanUseIsTakenInUnderANewName()
    {
        using var folder = new TemporaryFolder();
        ArrayFile.Write(folder["a.npz"], [NamedArray.Of("x", [2], new float[] { 1, 2 }.AsSpan())]);
        var model = SmallScript.Save(folder, "y = torch.flatten(x, 1)", 108);
        foreach (var (name, bytes, kind) in new[]
        {
            ("../../../etc/up\ndate.npz", File.ReadAllBytes(folder["a.npz"]), "arrays"),
            ("model.pt", File.ReadAllBytes(model.Path), "model"),
            ("said.json", Encoding.UTF8.GetBytes("""{ "batchSize": 2 }"""), "description"),
        })
        {
            var (status, text) = await site.Upload(name, bytes);
            Assert.True(status == HttpStatusCode.Created, text);
            var kept = JsonDocument.Parse(text).RootElement;
            Assert.Equal(kind, kept.GetProperty("kind").GetString());
            Assert.DoesNotContain('/', kept.GetProperty("name").GetString()!);
            Assert.Single(Directory.GetFiles(site["runs", "uploads"], kept.GetProperty("id").GetString() + ".*"),
                path => !path.EndsWith(".upload", StringComparison.Ordinal));
        }
        var files = JsonDocument.Parse(await site.Get("api/uploads")).RootElement.GetProperty("files");
        Assert.Equal(3, files.GetArrayLength());
        foreach (var file in files.EnumerateArray())
            Assert.Equal(HttpStatusCode.NoContent,
                (await site.Send(HttpMethod.Delete, $"api/uploads/{file.GetProperty("id").GetString()}")).Status);
        Assert.Empty(Directory.GetFiles(site["runs", "uploads"]));
    }

    [Theory]
    [InlineData("x.npz", "no archive at all, whatever its name says", "x.npz")]
    [InlineData("x.pkl", "\u0080\u0004K\u0001.", "")]
    [InlineData("x.json", """{ "weights": "/etc/passwd" }""", "names a file of weights")]
    [InlineData("x.json", """{ "script": 1 }""", "script")]
    [InlineData("x", "", "empty")]
    public async Task OtherFilesAreRefusedAndNotKept(string name, string content, string words)
    {
        var (status, text) = await site.Upload(name, Encoding.Latin1.GetBytes(content));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(words, text, StringComparison.Ordinal);
        Assert.DoesNotContain(site["runs"], text, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(site["runs", "uploads"]));
    }

    [Fact]
    public async Task AFileThatIsTooLargeIsRefused()
    {
        var (status, text) = await site.Upload("large.npz", new byte[(1 << 20) + 1]);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("larger than 1 MiB", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "model": { "kind": "torch-script-file", "path": "/etc/passwd" } }""", "/model/path names a file")]
    [InlineData("""{ "client": { "kind": "recorded-update", "update": "a.npz" } }""", "/client/update names a file")]
    [InlineData("""{ "client": { "kind": "simulated-client", "data": { "kind": "image-folder", "folder": "/etc" } } }""",
        "/client/data/folder")]
    [InlineData("""{ "model": { "kind": "lenet", "weights": "weights.npz" } }""", "/model/weights names a file")]
    [InlineData("""{ "vary": [{ "pointer": "/model/weights", "values": ["/etc/passwd"] }] }""", "/model/weights names a file")]
    [InlineData("""{ "model": { "kind": "lenet", "weights": "upload:0123" } }""", "There is no upload 0123")]
    [InlineData("""{ "attack": { "known": "matching", "shell": "ls" } }""", "shell")]
    [InlineData("""{ "trials": 1001 }""", "1,001 cases")]
    [InlineData("""{ "title": """, "no JSON")]
    public async Task AnExperimentOpensUploadsAlone(string experiment, string words)
    {
        var (status, text) = await site.Begin(experiment);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(words, JsonDocument.Parse(text).RootElement.GetProperty("fault").GetString(), StringComparison.Ordinal);
        Assert.Equal(["done", "uploads"], Directory.GetDirectories(site["runs"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task TheFormHasTheSchemaAndTheDefaults()
    {
        var form = JsonDocument.Parse(await site.Get("api/form")).RootElement;
        Assert.True(form.GetProperty("schema").GetProperty("properties").TryGetProperty("attack", out _));
        Assert.Equal("gradient-matching", form.GetProperty("attacks").GetProperty("inverting-gradients").GetProperty("kind").GetString());
        Assert.Equal("best", form.GetProperty("experiment").GetProperty("attack").GetProperty("kind").GetString());
        Assert.True(form.GetProperty("kinds").TryGetProperty("lbfgs", out _));
    }
}
