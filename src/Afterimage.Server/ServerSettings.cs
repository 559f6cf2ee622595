using System.Net;
using Afterimage.Audit.Cases;

namespace Afterimage.Server;

/// <summary>What the page shows, where it listens and whom it lets in.</summary>
public sealed record ServerSettings
{
    /// <summary>The folder of the runs, which is made where there is none.</summary>
    public required string Folder { get; init; }

    /// <summary>Reads experiments, with the parts that they may name.</summary>
    public required ExperimentFile Files { get; init; }

    /// <summary>How this program is started again for a run: the executable and what comes before the command.</summary>
    public required ServerProgram Program { get; init; }

    /// <summary>Where to listen; port 0 takes a free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 5150);

    /// <summary>Whoever has it is let in; null lets in everybody, which only a loopback address may do.</summary>
    public string? Token { get; init; }

    /// <summary>Names under which a proxy passes requests on, beside localhost and addresses.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>The largest file that is taken in, in bytes; eight times as much altogether.</summary>
    [System.ComponentModel.DataAnnotations.Range(1, 1L << 40)]
    public long LargestUpload { get; init; } = 512L << 20;

    /// <exception cref="AfterimageException">The settings would let strangers in.</exception>
    internal void Check()
    {
        if (Token is null && !IPAddress.IsLoopback(Listen.Address))
            throw new AfterimageException($"{Listen} can be reached from other machines, so the page needs a token there: " +
                "set AFTERIMAGE_TOKEN or name a file with --token-file.");
        if (Token is { Length: < 16 })
            throw new AfterimageException("The token is shorter than 16 characters, which can be guessed: make one with " +
                "\"openssl rand -hex 32\".");
        if (LargestUpload < 1)
            throw new AfterimageException("--upload-limit needs a number of at least 1.");
        if (File.Exists(Folder))
            throw new AfterimageException($"{Folder} is a file: name the folder that holds the runs.");
    }
}

/// <summary>A program that knows the command audit.</summary>
/// <param name="File">The executable.</param>
/// <param name="Arguments">What comes before the command.</param>
public sealed record ServerProgram(string File, IReadOnlyList<string> Arguments);
