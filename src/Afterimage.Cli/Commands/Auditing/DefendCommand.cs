using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Findings;
using Afterimage.Audit.Measurements;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Federation;
using Afterimage.Numerics;

namespace Afterimage.Cli.Commands;

/// <summary>Trains a small federation under each defense, attacks updates on the way, and draws accuracy against what leaks.</summary>
internal static class DefendCommand
{
    private const double FastSeconds = 30;
    private const string Pointer = "/client/defense";

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var experiment = new ExperimentOptions(files);
        var flags = new ReportFlags();
        var defenses = new Option<string[]>("--defense")
        {
            HelpName = "KIND|JSON",
            Description = "A defense to train under, as in client.defense of an experiment; repeatable. Training without one comes first.",
        };
        var clients = Number("--clients", "Clients that train the model.");
        var rounds = Number("--rounds", "Rounds of training.");
        var split = new Option<string?>("--split")
        {
            HelpName = "iid|dirichlet=A",
            Description = "How images are split over clients: at random, or each class by a Dirichlet distribution.",
        };
        var trainImages = Number("--train-images", "Images that the clients hold together.");
        var testImages = Number("--test-images", "Images of the test.");
        var clientBatch = Number("--client-batch", "Images of one client's update while the model is trained.");
        var rate = new Option<double?>("--server-rate") { HelpName = "X", Description = "Step size of the server." };
        var momentum = new Option<double?>("--server-momentum") { HelpName = "X", Description = "Momentum of the server, in [0,1)." };
        var attacked = Number("--attacked", "Held-out clients whose updates are attacked.");
        var attackRounds = new Option<string?>("--attack-rounds")
        {
            HelpName = "LIST",
            Description = "After which rounds, for example 0,10,100, or all; by default at the beginning, in the middle and at the end.",
        };
        var require = new Option<string?>("--require")
        {
            HelpName = "CONDITION",
            Description = "Name the most accurate setting that meets this, for example \"identification <= 0.05 and psnr.max < 18\" " +
                "(accuracy, psnr, psnr.max, identification, identification.high, recognizable, forecast).",
        };
        var command = new Command("defend",
            "Train a federation with and without defenses, attack it on the way, and say what protection costs. The default attack is " +
            "gauss-newton with 30 seconds for each update.");
        experiment.AddTo(command);
        foreach (var option in (Option[])[defenses, clients, rounds, split, trainImages, testImages, clientBatch, rate, momentum, attacked,
            attackRounds, require])
            command.Add(option);
        flags.AddTo(command);
        command.SetAction(line =>
        {
            var described = experiment.Read(line);
            var federation = described.Federation ?? new();
            federation = federation with
            {
                Clients = line.GetValue(clients) ?? federation.Clients,
                Rounds = line.GetValue(rounds) ?? federation.Rounds,
                Dirichlet = line.GetValue(split) is { } text ? Split(text) : federation.Dirichlet,
                TrainImages = line.GetValue(trainImages) ?? federation.TrainImages,
                TestImages = line.GetValue(testImages) ?? federation.TestImages,
                ClientBatch = line.GetValue(clientBatch) ?? federation.ClientBatch,
                ServerRate = line.GetValue(rate) ?? federation.ServerRate,
                ServerMomentum = line.GetValue(momentum) ?? federation.ServerMomentum,
                Attacked = line.GetValue(attacked) ?? federation.Attacked,
                Require = line.GetValue(require) ?? federation.Require,
            };
            if (line.GetValue(attackRounds) is { } list)
                federation = federation with { AttackRounds = Rounds(list, federation.Rounds) };
            if (federation.Require is { } condition)
                Requirement.Parse(condition);
            described = Varied(Attacked(described) with { Federation = federation }, files, line.GetValue(defenses) ?? []);
            return flags.Run(line, files, described, new DefendMeasurement { Audit = flags.Audit(line) }, terminal,
                (words, report) => words.Raw.WriteLine(report.Frontier?.Sentence
                    ?? "No case has finished, so there is nothing to compare."));
        });
        return command;
    }

    /// <summary>Another attack than the default of an audit, which takes minutes for an update, where nobody chose one.</summary>
    private static Experiment Attacked(Experiment described) => described.Attack == new Best()
        ? described with { Attack = new GaussNewton { PublicAtHand = true }, Budget = described.Budget ?? FastSeconds } : described;

    private static Experiment Varied(Experiment described, ExperimentFile files, string[] defenses)
    {
        if (defenses.Length == 0)
            return described;
        if (described.Vary.Any(axis => axis.Pointer == Pointer))
            throw new AfterimageException($"The experiment varies {Pointer} already: leave out --defense, or that axis.");
        string[] all = ["none", .. defenses.Where(name => name != "none")];
        return described with { Vary = [.. described.Vary, new(Pointer, all.Select(name => Defense(files, name)).ToValueList())] };
    }

    private static JsonNode? Defense(ExperimentFile files, string text)
    {
        if (!text.StartsWith('{') && files.Catalog.Find(typeof(Defense), text) is null)
            throw new AfterimageException($"There is no defense \"{text}\"; there are " +
                $"{string.Join(", ", files.Catalog.Parts(typeof(Defense)).Select(Catalog.Kind))}; or give JSON, such as " +
                "{\"kind\":\"gaussian-noise\",\"relative\":0.1}.");
        var json = text.StartsWith('{') ? text
            : new JsonObject { ["kind"] = Catalog.Kind(files.Catalog.Find(typeof(Defense), text)!) }.ToJsonString();
        return JsonNode.Parse(files.Catalog.Write(files.Catalog.Read<Defense>(json, "--defense")));
    }

    private static double Split(string text) => text == "iid" ? 0
        : text.StartsWith("dirichlet=", StringComparison.Ordinal) && double.TryParse(text["dirichlet=".Length..], NumberStyles.Float,
            CultureInfo.InvariantCulture, out var concentration) && concentration > 0 ? concentration
        : throw new AfterimageException($"--split \"{text}\" is none: write iid, or dirichlet= and a positive concentration, " +
            "for example dirichlet=0.5.");

    private static ValueList<int> Rounds(string text, int rounds) => text == "all" ? Enumerable.Range(0, rounds + 1).ToValueList()
        : text.Split(',', StringSplitOptions.TrimEntries).Select(item =>
            int.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out var round) ? round
                : throw new AfterimageException($"--attack-rounds \"{text}\" has \"{item}\", which is no round: " +
                    "write numbers with commas between them, or all.")).ToValueList();

    private static Option<int?> Number(string name, string description) => new(name) { HelpName = "N", Description = description };
}
