using System.CommandLine;
using Afterimage.Cli.Console;
using Afterimage.Numerics;
using Afterimage.Privacy;

namespace Afterimage.Cli.Commands;

/// <summary>Says which epsilon a configuration states and which it delivers, and what an attack proves of it.</summary>
internal static class PrivacyCommand
{
    public static Command Create(Terminal terminal)
    {
        var noise = Number("--noise-multiplier", "Z", "Deviation of DP-SGD's noise in units of the clipping norm.");
        var rate = Number("--sampling-rate", "Q", "Probability that an example (or client) takes part in a round, by default 1.");
        var rounds = new Option<int?>("--rounds") { HelpName = "N", Description = "Rounds or steps, by default 1." };
        var delta = Number("--delta", "D", "Delta, by default 1e-5.");
        var clip = Number("--clip", "C", "The clipping norm as configured.");
        var sensitivity = Number("--sensitivity", "S", "The sensitivity that the noise is made for, by default the clipping norm.");
        var local = Text("--flower-local-dp", "clipping=, sensitivity=, epsilon= and delta= of Flower's LocalDpMod.");
        var sparse = Text("--nvflare-svt",
            "fraction=, epsilon=, noise=, gamma=, parameters= and released= (yes or no) of NVFlare's SVTPrivacy.");
        var percentile = Text("--nvflare-percentile", "percentile= and gamma= of NVFlare's PercentilePrivacy.");
        var pool = new Option<int?>("--pool") { HelpName = "N", Description = "Candidates of the identification bound, by default 100." };
        var identified = new Option<string?>("--identified")
        {
            HelpName = "K/N", Description = "Images that an attack found in the pool, of so many: a lower bound of epsilon.",
        };
        var json = JsonText.Option("the statements");
        var command = new Command("privacy", "Say which epsilon a configuration claims, which it delivers, and what an attack proves.")
        {
            noise, rate, rounds, delta, clip, sensitivity, local, sparse, percentile, pool, identified, json,
        };
        command.SetAction(line =>
        {
            var (count, candidates) = (line.GetValue(rounds) ?? 1, line.GetValue(pool) ?? 100);
            if (candidates < 2)
                throw new AfterimageException($"--pool {candidates} leaves nothing to choose from: give at least 2 candidates.");
            var statements = new List<PrivacyStatement>();
            if (line.GetValue(noise) is { } multiplier)
                statements.Add(new DpSgdClaim
                {
                    NoiseMultiplier = multiplier, SamplingRate = line.GetValue(rate) ?? 1, Rounds = count,
                    Delta = line.GetValue(delta) ?? 1e-5,
                    Clip = line.GetValue(clip), Sensitivity = line.GetValue(sensitivity),
                }.Judge());
            if (line.GetValue(local) is { } mod)
                statements.Add(ClaimText.LocalDp(mod, count).Judge());
            if (line.GetValue(sparse) is { } svt)
                statements.Add(ClaimText.Svt(svt, count));
            if (line.GetValue(percentile) is { } cut)
                statements.Add(ClaimText.Percentile(cut));
            var proven = line.GetValue(identified) is { } found
                ? ClaimText.Identified(found, candidates, line.GetValue(delta) ?? 1e-5) : null;
            if (statements.Count == 0 && proven is null)
                throw new AfterimageException("Nothing to judge: give --noise-multiplier, --flower-local-dp, --nvflare-svt, " +
                    "--nvflare-percentile or --identified.");
            if (line.GetValue(json))
                JsonText.Write(terminal, new
                {
                    Statements = statements.Select(statement => new
                    {
                        statement.Mechanism, statement.Claimed, Delivered = Finite(statement.Delivered),
                        Holds = double.IsFinite(statement.Delivered), statement.Delta, NoiseMultiplier = Finite(statement.NoiseMultiplier),
                        statement.Rate, statement.Rounds, statement.Neighbors, Identification = statement.Identification(candidates),
                        statement.Findings,
                    }),
                    Pool = candidates,
                    Proven = proven,
                });
            else
                PrivacyText.Write(terminal.Raw, statements, proven, candidates);
        });
        return command;
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static Option<double?> Number(string name, string value, string description) =>
        new(name) { HelpName = value, Description = description };

    private static Option<string?> Text(string name, string description) => new(name) { HelpName = "TEXT", Description = description };
}
