using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using Afterimage.Reports;
using Afterimage.Reports.Html;
using Microsoft.AspNetCore.Http;

namespace Afterimage.Server.Endpoints;

/// <summary>The files of the page, which are part of the assembly; the style sheet of the reports is that of the page too.</summary>
internal static class PageFiles
{
    private const string Prefix = "page/";

    private static readonly FrozenDictionary<string, byte[]> Files = Read();

    /// <summary>A page by the name of its file; null where there is none.</summary>
    public static IResult Page(string name) => Results.Bytes(Files[name + ".html"], "text/html; charset=utf-8");

    /// <summary>A script, a style sheet or the icon.</summary>
    public static IResult Asset(string name) =>
        !name.EndsWith(".html", StringComparison.Ordinal) && Files.TryGetValue(name, out var bytes)
            ? Results.Bytes(bytes, Type(name)) : Answers.NotFound("file");

    private static string Type(string name) => Path.GetExtension(name) switch
    {
        ".js" => "text/javascript; charset=utf-8",
        ".json" => "application/json",
        ".css" => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    };

    private static FrozenDictionary<string, byte[]> Read()
    {
        var own = typeof(PageFiles).Assembly;
        return own.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .ToDictionary(name => name[Prefix.Length..], name => Bytes(own, name))
            .Append(new("report.css", Bytes(typeof(AuditReport).Assembly, "Style.css")))
            .Append(new("levels.json", JsonSerializer.SerializeToUtf8Bytes(LevelText.All, PageJson.Options))).ToFrozenDictionary();
    }

    private static byte[] Bytes(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
