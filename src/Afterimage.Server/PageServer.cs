using System.Net;
using Afterimage.Reports;
using Afterimage.Server.Endpoints;
using Afterimage.Server.Runs;
using Afterimage.Server.Security;
using Afterimage.Server.Uploads;
using Afterimage.Server.Work;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Afterimage.Server;

/// <summary>The live page: shows the runs of a folder while they go, starts new ones, and takes in update files.</summary>
public sealed class PageServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly RunQueue queue;
    private readonly Follower follower;
    private readonly CancellationTokenSource closing;

    private PageServer(WebApplication app, RunQueue queue, Follower follower, CancellationTokenSource closing, int port)
    {
        (this.app, this.queue, this.follower, this.closing) = (app, queue, follower, closing);
        Port = port;
    }

    /// <summary>The port that it listens on.</summary>
    public int Port { get; }

    /// <summary>Begins to listen.</summary>
    /// <param name="settings">What it shows, where it listens and whom it lets in.</param>
    /// <param name="work">Who works on what; null for the queue of the runs that are started here.</param>
    /// <exception cref="AfterimageException">The settings do not fit together, or the address is taken.</exception>
    public static async Task<PageServer> Start(ServerSettings settings, WorkSource? work = null)
    {
        settings.Check();
        settings = settings with { Folder = Path.GetFullPath(settings.Folder) };
        Directory.CreateDirectory(settings.Folder);
        var closing = new CancellationTokenSource();
        var queue = new RunQueue(settings);
        var listing = new RunListing(settings.Folder, queue, work ?? queue);
        var app = Build(settings);
        var entrance = new Entrance(settings.Token, settings.Listen.Port);
        Guard(app, entrance, new(settings.Hosts));
        Map(app, settings, entrance, listing, queue, closing.Token);
        try
        {
            await app.StartAsync().ConfigureAwait(false);
        }
        catch (IOException fault)
        {
            await queue.DisposeAsync().ConfigureAwait(false);
            await app.DisposeAsync().ConfigureAwait(false);
            closing.Dispose();
            throw new AfterimageException(
                $"{settings.Listen} is taken, or is no address of this machine: choose another with --listen.", fault);
        }
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new(app, queue, new(listing), closing, new Uri(address).Port);
    }

    /// <summary>Ends what is open, asks a run that goes on to stop, and waits for it.</summary>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync().ConfigureAwait(false);
        await follower.DisposeAsync().ConfigureAwait(false);
        await queue.DisposeAsync().ConfigureAwait(false);
        await app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await app.DisposeAsync().ConfigureAwait(false);
        closing.Dispose();
    }

    private static WebApplication Build(ServerSettings settings)
    {
        // No configuration from files or the environment: what the command line says is all there is.
        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = "Afterimage" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server =>
        {
            server.AddServerHeader = false;
            server.Listen(settings.Listen);
            server.Limits.MaxConcurrentConnections = 1000;
        });
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        return builder.Build();
    }

    private static void Guard(WebApplication app, Entrance entrance, Origin origin)
    {
        app.Use(async (http, next) =>
        {
            SafeHeaders.Write(http.Response.Headers);
            if (origin.Refusal(http.Request) is { } refusal)
                await Answers.Refused(StatusCodes.Status403Forbidden, refusal).ExecuteAsync(http).ConfigureAwait(false);
            else if (entrance.Admits(http.Request) || IsOpen(http.Request.Path))
                await Sentences(http, next).ConfigureAwait(false);
            else if (http.Request.Path.StartsWithSegments("/api", StringComparison.Ordinal))
                await Answers.Refused(StatusCodes.Status401Unauthorized, "This page needs its token: open it at /login.").ExecuteAsync(http)
                    .ConfigureAwait(false);
            else
                http.Response.Redirect("/login");
        });
        app.UseRouting();
    }

    /// <summary>What is needed to give the token, and holds no secret.</summary>
    private static bool IsOpen(PathString path) =>
        path == "/login" || path == "/api/login" || path.StartsWithSegments("/page", StringComparison.Ordinal);

    /// <summary>Bad input is answered with its sentence.</summary>
    private static async Task Sentences(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is AfterimageException or ReportException && !http.Response.HasStarted)
        {
            await Answers.Refused(StatusCodes.Status400BadRequest, fault.Message).ExecuteAsync(http).ConfigureAwait(false);
        }
        catch (BadHttpRequestException fault) when (!http.Response.HasStarted)
        {
            await Answers.Refused(fault.StatusCode, "The request is too large, or was cut off.").ExecuteAsync(http).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException && !http.Response.HasStarted)
        {
            await Answers.Refused(StatusCodes.Status500InternalServerError, "A file of the server could not be read or written.")
                .ExecuteAsync(http).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The reader is gone.
        }
        catch (Exception crash) when (!http.Response.HasStarted)
        {
            await Answers.Refused(StatusCodes.Status500InternalServerError,
                $"An error of the program, not of its input ({crash.GetType().Name}); please report it.").ExecuteAsync(http)
                .ConfigureAwait(false);
        }
    }

    private static void Map(
        WebApplication app, ServerSettings settings, Entrance entrance, RunListing listing, RunQueue queue, CancellationToken closing)
    {
        var uploads = new UploadStore(settings);
        app.MapGet("/", () => PageFiles.Page("index"));
        app.MapGet("/new", () => PageFiles.Page("new"));
        app.MapGet("/runs/{id}", (string id) => listing.Find(id) is null ? Results.Redirect("/") : PageFiles.Page("run"));
        app.MapGet("/login", () => entrance.IsGuarded ? PageFiles.Page("login") : Results.Redirect("/"));
        app.MapGet("/page/{name}", PageFiles.Asset);
        app.MapPost("/api/login", async (HttpContext http) =>
        {
            Answers.Limit(http, 4096);
            using var body = new StreamReader(http.Request.Body);
            var given = await body.ReadToEndAsync(http.RequestAborted).ConfigureAwait(false);
            return await entrance.LogIn(http, given.Trim()).ConfigureAwait(false)
                ? Results.NoContent() : Answers.Refused(StatusCodes.Status401Unauthorized, "That is not the token of this server.");
        });
        new RunEndpoints(settings, listing, queue, new(settings.Files, uploads), closing).Map(app);
        new UploadEndpoints(settings, uploads, new(settings.Files)).Map(app);
    }
}
