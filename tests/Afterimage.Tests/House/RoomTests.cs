using Microsoft.CodeAnalysis;

namespace Afterimage.Tests.House;

/// <summary>The walls inside the attacker's assembly: a room knows those below it, and the six parts are blind to one another.</summary>
[Trait("Category", "slow")]
[Collection(Apart.Collection)]
public class RoomTests
{
    private static readonly string[] Parts = ["LabelRecovery", "Starts", "Spaces", "Fidelities", "Priors", "Solvers"];
    private static readonly string[] Ground = ["Numerics", "Models", "Data", "Federation"];

    // A denoiser is a prior, a generator a search space: the parts may use what was trained beforehand, and the model of images.
    private static readonly string[] BelowParts = [.. Ground, "Networks", "Images"];

    /// <summary>For each room, the rooms it may use.</summary>
    private static readonly Dictionary<string, string[]> Known = new()
    {
        ["Numerics"] = [],
        ["Models"] = ["Numerics"],
        ["Compiled"] = ["Numerics", "Models"],
        ["Data"] = ["Numerics", "Models", "Federation"],
        ["Federation"] = ["Numerics", "Models", "Data", "Compiled"],
        ["UpdateFiles"] = ["Numerics", "Models", "Federation"],
        ["Privacy"] = ["Numerics", "Models", "Federation"],
        ["Images"] = ["Numerics", "Models", "Data"],
        ["Networks"] = Ground,
        ["Leakage"] = [.. Ground, "Images"],
        ["Attacks"] = [.. Ground, .. Parts, "Compiled", "Images", "Networks", "Leakage"],
    };

    // A part that returns tensors returns them into its caller's scope, so it opens none. A label recovery returns none.
    private static readonly string[] WithoutScopes = ["Starts", "Spaces", "Fidelities", "Priors"];

    private static readonly Lazy<IReadOnlyList<(string File, ISymbol Symbol)>> Uses =
        new(() => Usage.Of(Repository.Files("src/Afterimage/", ".cs")));

    [Fact]
    public void A_room_knows_only_the_rooms_below_it() => Assert.Empty(Climbs(Uses.Value));

    [Fact]
    public void The_source_is_understood()
    {
        Assert.Contains(Uses.Value, use => use.File == "src/Afterimage/Numerics/Torch/Differentiate.cs"
            && use.Symbol.ContainingType?.Name == "autograd");
        Assert.All(Parts, part => Assert.Contains(Uses.Value, use => RoomOf(use.File) == part && Usage.Room(use.Symbol) is not null));
    }

    [Fact]
    public void Only_numerics_differentiates() => Assert.Empty(Differentiation(Uses.Value));

    [Fact]
    public void Parts_that_return_tensors_open_no_scope() => Assert.Empty(Scopes(Uses.Value));

    [Fact]
    public void The_attackers_side_cannot_name_the_auditor() =>
        Assert.Empty(Uses.Value.Where(use => Usage.Room(use.Symbol) is "Audit" or "Reports" or "Cli").Select(use => use.File));

    [Theory]
    [InlineData("Priors", "class A { object b = typeof(Afterimage.Solvers.Solver); }", 1)]
    [InlineData("Priors", "using Afterimage.Solvers; class A { Solver? b; }", 1)]
    [InlineData("Priors", "class A { Solvers.Solver? b; }", 1)]
    [InlineData("Priors", "class A { void B() { var c = Attacks.Attack.Find(); } }", 3)]
    [InlineData("Priors", "class A { /* Solvers.Solver */ string b = \"Solvers.Solver\"; Federation.Labels? c; }", 0)]
    [InlineData("Attacks", "class A { Solvers.Solver? b; }", 0)]
    [InlineData("Attacks", "class A { Catalog? b; }", 1)]
    [InlineData("Compiled", "class A { Federation.Labels? b; }", 1)]
    [InlineData("Compiled", "class A { Models.Model? b; }", 0)]
    [InlineData("Numerics", "class A { Models.Model? b; }", 1)]
    [InlineData("Cellar", "class A { Models.Model? b; }", 1)]
    public void Climbing_is_seen(string room, string code, int breaches) => Assert.Equal(breaches, Climbs(Crafted(room, code)).Count());

    [Theory]
    [InlineData("Solvers", "class A { void B(Tensor t) => autograd.grad([t], [t]); }", 1)]
    [InlineData("Solvers", "class A { void B(Tensor t) => t.backward(); }", 1)]
    [InlineData("Numerics", "class A { void B(Tensor t) => autograd.grad([t], [t]); }", 0)]
    [InlineData("Solvers", "class A { Tensor B(Tensor t) => t.detach(); /* autograd.grad */ }", 0)]
    public void Differentiation_is_seen(string room, string code, int breaches) =>
        Assert.Equal(breaches, Differentiation(Crafted(room, code)).Count());

    [Theory]
    [InlineData("Priors", "class A { void B() { using var scope = NewDisposeScope(); } }", 1)]
    [InlineData("Solvers", "class A { void B() { using var scope = NewDisposeScope(); } }", 0)]
    public void Scopes_are_seen(string room, string code, int breaches) => Assert.Equal(breaches, Scopes(Crafted(room, code)).Count());

    private static IEnumerable<string> Climbs(IEnumerable<(string File, ISymbol Symbol)> uses) =>
        from use in uses
        let room = RoomOf(use.File)
        let used = Usage.Room(use.Symbol)
        where room is not null && used is not null && used != room
        where !(Parts.Contains(room) ? BelowParts : Known.GetValueOrDefault(room, [])).Contains(used)
        select $"{use.File} uses {use.Symbol} of {used}, which {room} may not know.";

    private static IEnumerable<string> Differentiation(IEnumerable<(string File, ISymbol Symbol)> uses) =>
        from use in uses
        where RoomOf(use.File) != "Numerics" && use.Symbol is IMethodSymbol
        where use.Symbol.ContainingType.Name == "autograd" || (use.Symbol.Name == "backward" && use.Symbol.ContainingType.Name == "Tensor")
        select $"{use.File} calls {use.Symbol.Name}: only Numerics differentiates.";

    private static IEnumerable<string> Scopes(IEnumerable<(string File, ISymbol Symbol)> uses) =>
        from use in uses
        where WithoutScopes.Contains(RoomOf(use.File)) && use.Symbol is IMethodSymbol { Name: "NewDisposeScope" }
        select $"{use.File} opens a dispose scope: return tensors into the caller's.";

    private static string? RoomOf(string file) => file.Split('/') is ["src", "Afterimage", var room, _, ..] ? room : null;

    private static IReadOnlyList<(string File, ISymbol Symbol)> Crafted(string room, string code) => Usage.Of(
    [
        new("src/Afterimage/Globals.cs", "global using TorchSharp; global using static TorchSharp.torch;"),
        new("src/Afterimage/Catalog.cs", "namespace Afterimage { public class Catalog { } }"),
        new("src/Afterimage/Solvers/Solver.cs", "namespace Afterimage.Solvers { public class Solver { } }"),
        new("src/Afterimage/Models/Model.cs", "namespace Afterimage.Models { public class Model { } }"),
        new("src/Afterimage/Federation/Labels.cs", "namespace Afterimage.Federation { public class Labels { } }"),
        new("src/Afterimage/Attacks/Attack.cs",
            "namespace Afterimage.Attacks { public class Attack { public static Attack Find() => new(); } }"),
        new($"src/Afterimage/{room}/Crafted.cs", code.StartsWith("using", StringComparison.Ordinal)
            ? code.Replace("; class", $"; namespace Afterimage.{room}; class", StringComparison.Ordinal)
            : $"namespace Afterimage.{room}; {code}"),
    ]);
}
