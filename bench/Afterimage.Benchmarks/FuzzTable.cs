using System.Diagnostics;
using System.Globalization;
using Afterimage.Tests;
using Afterimage.Tests.Fuzzing;

namespace Afterimage.Benchmarks;

/// <summary>Damaged files of every kind, and how reading them ended; a function of the seed.</summary>
internal static class FuzzTable
{
    /// <summary>Prints counts and every fault; 1 where there is a fault.</summary>
    public static int Print(TextWriter output, int count, int seed)
    {
        var began = Stopwatch.GetTimestamp();
        using var folder = new TemporaryFolder();
        using var worker = new FuzzWorker(seed, folder["cache"]);
        var reader = new FuzzReader(folder.Path, native: false);
        var answers = new Dictionary<(FuzzKind Kind, string Answer), int>();
        for (var number = 0; number < count; number++)
        {
            var file = FuzzFile.Damaged(seed, number);
            var answer = file.Kind == FuzzKind.Script ? worker.Judge(number) : reader.Judge(file);
            var ended = answer is FuzzReader.Read or FuzzReader.Refused ? answer : "fault";
            if (ended == "fault")
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{number} ({file.Kind}): {answer}"));
            answers[(file.Kind, ended)] = answers.GetValueOrDefault((file.Kind, ended)) + 1;
        }
        int Of(FuzzKind kind, string answer) => answers.GetValueOrDefault((kind, answer));
        output.WriteLine("kind            read   refused   anything else");
        foreach (var kind in Enum.GetValues<FuzzKind>())
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{kind,-12} {Of(kind, FuzzReader.Read),7:N0} {Of(kind, FuzzReader.Refused),9:N0} {Of(kind, "fault"),15:N0}"));
        var faults = Enum.GetValues<FuzzKind>().Sum(kind => Of(kind, "fault"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count:N0} files, seed {seed}, {faults:N0} faults, {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s"));
        return faults == 0 ? 0 : 1;
    }
}
