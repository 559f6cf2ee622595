using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Cryptography;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Numerics.Arrays;
using Afterimage.Server;

namespace Afterimage.Cli.Commands;

/// <summary>Shows the runs of a folder in a browser while they go, starts new ones, and audits uploaded update files.</summary>
internal static class ServeCommand
{
    private const string TokenVariable = "AFTERIMAGE_TOKEN";

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var folder = new Argument<string>("FOLDER")
        {
            Description = "The folder with the runs; new ones are written there.",
            DefaultValueFactory = _ => "runs",
        };
        var listen = new Option<string>("--listen")
        {
            HelpName = "ADDRESS:PORT",
            Description = "Where to listen. Whatever is not loopback asks for a token.",
            DefaultValueFactory = _ => "127.0.0.1:5150",
        };
        var token = new Option<string?>("--token-file")
        {
            HelpName = "FILE",
            Description = $"A file with the token that the page asks for; {TokenVariable} in the environment does the same.",
        };
        var hosts = new Option<string[]>("--host")
        {
            HelpName = "NAME", Description = "A name under which a proxy passes requests on; repeatable.",
        };
        var limit = new Option<long>("--upload-limit")
        {
            HelpName = "MIB", Description = "The largest file that is taken in.", DefaultValueFactory = _ => 512,
        };
        var command = new Command("serve", "Show runs in a browser while they go, start new ones, audit uploaded updates.")
        {
            folder, listen, token, hosts, limit,
        };
        command.SetAction(line =>
        {
            var endpoint = Endpoint(line.GetRequiredValue(listen));
            var (secret, isNew) = Token(line.GetValue(token), endpoint.Address);
            Serve(new()
            {
                Folder = line.GetRequiredValue(folder),
                Files = files,
                Program = Own(),
                Listen = endpoint,
                Token = secret,
                Hosts = line.GetValue(hosts) ?? [],
                LargestUpload = Math.Clamp(line.GetValue(limit), 0, 1L << 20) << 20,
            }, isNew, terminal);
            return ExitCode.Fine;
        });
        return command;
    }

    private static void Serve(ServerSettings settings, bool showToken, Terminal terminal)
    {
        using var interruption = new Interruption();
        var server = PageServer.Start(settings).GetAwaiter().GetResult();
        try
        {
            var host = IPAddress.Any.Equals(settings.Listen.Address) || IPAddress.IPv6Any.Equals(settings.Listen.Address)
                ? Dns.GetHostName() is var name && settings.Hosts.Contains(name) ? name : "127.0.0.1"
                : settings.Listen.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{settings.Listen.Address}]"
                : settings.Listen.Address.ToString();
            terminal.Raw.WriteLine($"http://{host}:{server.Port}/{(showToken ? $"login#{settings.Token}" : "")}");
            terminal.Error.WriteLine(
                $"Showing {Path.GetFullPath(settings.Folder)}. Ctrl-C ends it; runs that go on are resumed at the next start.");
            if (!IPAddress.IsLoopback(settings.Listen.Address))
                terminal.Error.WriteLine(
                    "Other machines can reach it without encryption: put a proxy with TLS before it, or use an SSH tunnel.");
            interruption.Token.WaitHandle.WaitOne();
        }
        finally
        {
            server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>The token, and whether it was drawn here, so that somebody must be told.</summary>
    private static (string? Token, bool IsNew) Token(string? file, IPAddress address)
    {
        var given = file is not null ? InputFile.Text(file, "a file with a token").Trim()
            : Environment.GetEnvironmentVariable(TokenVariable) is { Length: > 0 } said ? said : null;
        return given is not null ? (given, false)
            : IPAddress.IsLoopback(address) ? (null, false) : (RandomNumberGenerator.GetHexString(48, lowercase: true), true);
    }

    private static IPEndPoint Endpoint(string text)
    {
        var named = text.StartsWith("localhost:", StringComparison.Ordinal) ? "127.0.0.1" + text["localhost".Length..] : text;
        return named.LastIndexOf(':') > named.LastIndexOf(']') && IPEndPoint.TryParse(named, out var endpoint) ? endpoint
            : throw new AfterimageException($"--listen \"{text}\" is no address: write 127.0.0.1:5150, [::1]:5150 or 0.0.0.0:5150.");
    }

    /// <summary>This program again: the executable, or dotnet with the same entry assembly.</summary>
    private static ServerProgram Own()
    {
        var host = Environment.ProcessPath
            ?? throw new AfterimageException("This system does not tell which program runs, so the page could start no runs.");
        var entry = Assembly.GetEntryAssembly()?.Location;
        return new(host, Path.GetFileNameWithoutExtension(host) == "dotnet" && entry is { Length: > 0 } ? [entry] : []);
    }
}
