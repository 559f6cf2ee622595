using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Data;
using Afterimage.Fidelities;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;

namespace Afterimage.Tests.Cases;

public class ExperimentFileTests
{
    private static readonly ExperimentFile Files = new(Catalog.Standard);

    [Fact]
    public void Cases_are_the_product_of_the_axes_times_the_trials_with_the_last_axis_fastest()
    {
        var cases = Expand("""
            { "trials": 2, "vary": [
                { "pointer": "/client/batchSize", "values": [1, 4] },
                { "pointer": "/model", "values": ["lenet", { "kind": "mlp", "width": 8 }] } ] }
            """);
        Assert.Equal(
            ["batchSize 1, model lenet, trial 1", "batchSize 1, model lenet, trial 2",
             "batchSize 1, model mlp, trial 1", "batchSize 1, model mlp, trial 2",
             "batchSize 4, model lenet, trial 1", "batchSize 4, model lenet, trial 2",
             "batchSize 4, model mlp, trial 1", "batchSize 4, model mlp, trial 2"],
            cases.Select(one => one.Name));
        Assert.Equal([0, 1, 0, 1, 0, 1, 0, 1], cases.Select(one => one.Trial));
        Assert.Equal([1, 1, 1, 1, 4, 4, 4, 4], cases.Select(one => ((SimulatedClient)one.Configuration.Client).BatchSize));
        Assert.Equal(new Mlp { Width = 8 }, cases[2].Configuration.Model);
        Assert.All(cases, one => Assert.Equal((0, 1), (one.Configuration.Vary.Count, one.Configuration.Trials)));
    }

    [Fact]
    public void Ids_are_unique_and_belong_to_what_a_case_is_not_to_how_it_was_asked_for()
    {
        var swept = Expand("""
            { "trials": 3, "vary": [{ "pointer": "/seed", "values": [1, 2] }, { "pointer": "/attack/restarts", "values": [1, 2] }] }
            """);
        Assert.Equal(12, swept.Select(one => one.Id).Distinct().Count());
        Assert.All(swept, one => Assert.Matches("^[0-9a-f]{64}$", one.Id));
        var alone = Expand("""{ "seed": 2, "attack": { "kind": "best", "restarts": 1 } }""");
        Assert.Equal(swept[6].Id, Assert.Single(alone).Id);
        var turned = Expand("""
            { "vary": [{ "pointer": "/attack/restarts", "values": [2, 1] }, { "pointer": "/seed", "values": [2, 1] }] }
            """);
        Assert.Equal(swept.Where(one => one.Trial == 0).Select(one => one.Id).Order(), turned.Select(one => one.Id).Order());
    }

    [Fact]
    public void Names_alone_are_enough()
    {
        var experiment = Files.Parse("""
            { "model": "lenet", "attack": "inverting-gradients", "client": { "kind": "simulated-client", "data": "DeadLeaves" } }
            """, "test");
        Assert.Equal(new LeNet(), experiment.Model);
        Assert.Equal(Known.InvertingGradients, experiment.Attack);
        Assert.Equal(new SimulatedClient { Data = new DeadLeaves() }, experiment.Client);
    }

    [Fact]
    public void A_known_attack_is_changed_where_the_file_says_so()
    {
        var attack = (GradientMatching)Files.Parse("""
            { "attack": { "known": "inverting-gradients", "restarts": 3, "solver": { "iterations": 100 }, "fidelity": "euclidean",
                          "priors": [{ "kind": "total-variation", "weight": 0.5 }] } }
            """, "test").Attack;
        var known = Known.InvertingGradients;
        Assert.Equal(known with
        {
            Restarts = 3,
            Solver = ((FirstOrder)known.Solver) with { Iterations = 100 },
            Fidelity = new Euclidean(),
            Priors = [new TotalVariation { Weight = 0.5 }],
        }, attack);
    }

    [Fact]
    public void Another_kind_takes_the_place_of_a_known_part()
    {
        var attack = (GradientMatching)Files.Parse("""
            { "attack": { "known": "inverting-gradients", "solver": { "kind": "lbfgs", "history": 7 }, "space": { "box": false } } }
            """, "test").Attack;
        Assert.Equal(new Lbfgs { History = 7 }, attack.Solver);
        Assert.Equal(new Pixels { Box = false }, attack.Space);
    }

    [Theory]
    [InlineData("/client/bogus", "1", "/client/bogus")]
    [InlineData("/clients/batchSize", "1", "/clients")]
    [InlineData("/client/batchSize/more", "1", "leads nowhere")]
    [InlineData("/attack/priors/3", "1", "leads nowhere")]
    [InlineData("client/batchSize", "1", "no JSON pointer")]
    [InlineData("", "1", "no JSON pointer")]
    [InlineData("/client/batchSize", "\"many\"", "/client/batchSize must be a whole number, not")]
    [InlineData("/model", "\"lenett\"", "there is no model \"lenett\"")]
    public void A_bad_axis_is_named(string pointer, string value, string message)
    {
        var text = $$"""{ "attack": "matching", "vary": [{ "pointer": "{{pointer}}", "values": [{{value}}] }] }""";
        var experiment = Files.Parse(text, "test");
        Refusal.Says(message, () => Files.Expand(experiment));
        Assert.Contains(message, Assert.Single(Files.Check(experiment)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_axis_without_values_and_an_experiment_without_trials_are_refused()
    {
        Refusal.Says("/seed has no values", () => Expand("""{ "vary": [{ "pointer": "/seed", "values": [] }] }"""));
        Refusal.Says("/trials is 0", () => Expand("""{ "trials": 0 }"""));
    }

    [Fact]
    public void Axes_that_end_alike_are_told_apart_and_one_place_varies_once()
    {
        var cases = Expand("""
            { "client": { "kind": "simulated-client", "batchSize": 4, "training": { "kind": "fed-avg" } },
              "vary": [{ "pointer": "/client/batchSize", "values": [4] }, { "pointer": "/client/training/batchSize", "values": [1, 2] }] }
            """);
        Assert.Equal(["client/batchSize 4, client/training/batchSize 1", "client/batchSize 4, client/training/batchSize 2"],
            cases.Select(one => one.Name));
        var twice = """{ "vary": [{ "pointer": "/seed", "values": [1] }, { "pointer": "/seed", "values": [2] }] }""";
        Refusal.Says("/seed", () => Expand(twice));
    }

    [Fact]
    public void A_value_of_every_kind_has_a_name()
    {
        var cases = Expand("""
            { "vary": [{ "pointer": "/attack",
                         "values": ["matching", { "known": "deep-leakage", "restarts": 2 }, { "kind": "gradient-matching" }] }] }
            """);
        Assert.Equal(["attack matching", "attack deep-leakage", "attack gradient-matching"], cases.Select(one => one.Name));
        Assert.Equal("public none", Assert.Single(Expand("""{ "vary": [{ "pointer": "/client/public", "values": [null] }] }""")).Name);
    }

    [Fact]
    public void Everything_wrong_is_said_at_once()
    {
        var experiment = Files.Parse("""
            { "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8", "count": 30 } },
              "vary": [{ "pointer": "/client/batchSize", "values": [1, 0, 20] },
                       { "pointer": "/model", "values": ["lenet", { "kind": "resnet", "depth": 19 }] },
                       { "pointer": "/client/labels", "values": ["any", "distinct"] }] }
            """, "test");
        var faults = Files.Check(experiment);
        Assert.Equal(3, faults.Count);
        Assert.Contains(faults, fault => fault.Contains("/client/batchSize is 0", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("/model/depth is 19", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("distinct", StringComparison.Ordinal));
    }

    [Fact]
    public void A_check_opens_every_combination_of_model_and_client_once_and_says_how_far_it_is()
    {
        var experiment = Files.Parse("""
            { "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8", "count": 30 } }, "model": "mlp",
              "trials": 3, "vary": [{ "pointer": "/seed", "values": [1, 2, 3, 4] }, { "pointer": "/client/batchSize", "values": [1, 2] }] }
            """, "test");
        var phases = new List<Phase>();
        Assert.Empty(Files.Check(experiment, phases.Add));
        Assert.Equal(24, ExperimentFile.Count(experiment));
        Assert.Equal([0, 3, 6, 9, 12, 15, 18, 21], phases.Where(phase => phase.Unit == "cases").Select(phase => (int)phase.Done));
        Assert.All(phases.Where(phase => phase.Unit == "cases"), phase => Assert.Equal(24, phase.Of));
        Assert.Equal([new("trains the client", 0, 2, "combinations"),
            new Phase("trains the client", 1, 2, "combinations")],
            phases.Where(phase => phase.Name.EndsWith("trains the client", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void The_only_case_stays_open_for_its_run(int trials, bool open)
    {
        var experiment = Files.Parse($$"""
            { "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8", "count": 30 } }, "model": "mlp",
              "trials": {{trials}} }
            """, "test");
        Assert.Empty(Files.Check(experiment, null, out var round));
        using (round)
            Assert.Equal(open, round is not null);
    }

    [Fact]
    public void Every_bad_value_of_an_axis_is_said_at_once()
    {
        var experiment = Files.Parse("""{ "vary": [{ "pointer": "/model", "values": ["lenett", "lenet", "mpl"] }] }""", "test");
        var said = string.Join(" ", Files.Check(experiment));
        Assert.Contains("lenett", said, StringComparison.Ordinal);
        Assert.Contains("mpl", said, StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_is_unknown_in_a_file_is_said_at_once()
    {
        const string Wrong = """{ "modell": 1, "model": "lenett", "attack": { "known": "ig" }, "threat": { "labels": true } }""";
        var message = Assert.Throws<AfterimageException>(() => Files.Parse(Wrong, "audit.json")).Message;
        foreach (var word in (string[])["audit.json", "/modell", "lenett", "\"ig\"", "/threat/labels",
                     "inverting-gradients", "revealLabels"])
            Assert.Contains(word, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_good_experiment_has_no_faults() => Assert.Empty(Files.Check(Files.Parse("""
        { "model": { "kind": "mlp", "width": 8 },
          "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8", "count": 30 } } }
        """, "test")));

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Refusal.Says("nowhere.json", () => Files.Read("nowhere.json"));

    [Theory]
    [InlineData("{", "line 1")]
    [InlineData("", "cannot be read")]
    [InlineData("null", "empty")]
    [InlineData("{ \"trials\": 1.5 }", "trials")]
    [InlineData("{ \"attack\": { \"known\": 3 } }", "known")]
    public void A_text_that_is_no_experiment_is_placed(string text, string word)
    {
        var message = Assert.Throws<AfterimageException>(() => Files.Parse(text, "audit.json")).Message;
        Assert.Contains("audit.json", message, StringComparison.Ordinal);
        Assert.Contains(word, message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<Case> Expand(string json) => Files.Expand(Files.Parse(json, "test"));
}
