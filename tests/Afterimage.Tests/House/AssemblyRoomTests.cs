using Microsoft.CodeAnalysis;

namespace Afterimage.Tests.House;

/// <summary>The rooms of the other assemblies: folders, subfolders included, each with the rooms that it may use.</summary>
[Trait("Category", "slow")]
[Collection(Apart.Collection)]
public class AssemblyRoomTests
{
    private const string Root = "";

    /// <summary>
    /// For each assembly and each of its folders, what that may use beside itself. The root of a library holds plain ground that every
    /// folder may use; it uses none of them. The root of the command puts its folders together.
    /// </summary>
    private static readonly Dictionary<string, Dictionary<string, string[]>> Known = new()
    {
        ["Afterimage.Audit"] = new()
        {
            [Root] = [],
            ["Clients"] = [],
            ["Threats"] = ["Clients"],
            ["Cases"] = ["Clients", "Threats"],
            ["Judging"] = ["Clients", "Judging/Features"],
            ["Judging/Features"] = ["Clients", "Judging"],
            ["Judging/Statistics"] = [],
            ["Findings"] = ["Judging", "Judging/Statistics"],
            ["Measurements"] =
                ["Clients", "Threats", "Cases", "Judging", "Judging/Features", "Findings", "Measurements/Shown"],
            ["Measurements/Federated"] = ["Clients", "Cases", "Findings", "Measurements", "Measurements/Shown"],
            ["Measurements/Shown"] = ["Clients"],
            ["Measurements/LabelTables"] = ["Clients", "Judging"],
            ["Execution"] = ["Clients", "Cases", "Measurements", "Measurements/Federated"],
            ["Recipes"] = ["Cases", "Measurements"],
        },
        ["Afterimage.Reports"] = new()
        {
            [Root] = ["Conclusions"],
            ["Conclusions"] = [],
            ["Exporters"] = ["Conclusions", "Html", "Html/Elements", "Html/Gallery", "Recipes"],
            ["Recipes"] = [],
            ["Html/Gallery"] = ["Html", "Html/Sections", "Html/Plots", "Html/Elements", "Recipes"],
            ["Html"] = ["Html/Sections", "Html/Conclusions", "Html/Plots", "Html/Elements"],
            ["Html/Sections"] = ["Html/Conclusions", "Html/Plots", "Html/Elements"],
            ["Html/Conclusions"] = ["Conclusions", "Html/Plots", "Html/Elements"],
            ["Html/Plots"] = ["Html/Elements"],
            ["Html/Elements"] = [],
        },
        ["Afterimage.Sweeps"] = new()
        {
            [Root] = [],
            ["Database"] = [],
            ["Files"] = [],
            ["Dispatch"] = ["Database", "Files"],
        },
        ["Afterimage.Server"] = new()
        {
            [Root] = ["Endpoints", "Runs", "Security", "Uploads", "Work"],
            ["Work"] = [],
            ["Runs"] = ["Work"],
            ["Uploads"] = [],
            ["Security"] = [],
            ["Endpoints"] = ["Runs", "Uploads", "Work"],
        },
        ["Afterimage.Cli"] = new()
        {
            [Root] =
            [
                "Commands", "Commands/Auditing", "Commands/Training", "Commands/Reproduction", "Commands/Listing", "Commands/Privacy",
                "Commands/Sweeps",
                "Options", "Console", "Conditions", "Help",
            ],
            ["Commands"] = ["Options", "Console", "Console/Live", "Console/Views", "Conditions"],
            ["Commands/Auditing"] = ["Commands", "Options", "Console", "Console/Live", "Console/Views", "Conditions"],
            ["Commands/Training"] = ["Options", "Console"],
            ["Commands/Listing"] = ["Commands", "Options", "Console"],
            ["Commands/Reproduction"] = ["Options", "Console", "Console/Live", "Console/Views"],
            ["Commands/Privacy"] = ["Console"],
            ["Commands/Sweeps"] = ["Commands", "Commands/Auditing", "Options", "Console"],
            ["Help"] = ["Console"],
            ["Options"] = [],
            ["Console"] = [],
            ["Console/Live"] = ["Console", "Console/Views"],
            ["Console/Views"] = ["Console"],
            ["Conditions"] = ["Console"],
        },
    };

    public static TheoryData<string> Assemblies => [.. Known.Keys];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_room_knows_only_the_rooms_below_it(string assembly)
    {
        var uses = Usage.Of(Repository.Files($"src/{assembly}/", ".cs"), assembly);
        Assert.Empty(Climbs(assembly, uses));
        // The source is understood: every room but the root is used by another, or uses one.
        var crossed = uses.Select(use => Rooms(assembly, use))
            .Where(rooms => rooms is { From: not null, To: not null } && rooms.From != rooms.To)
            .SelectMany(rooms => new[] { rooms.From!, rooms.To! }).ToHashSet();
        Assert.Subset(crossed, Known[assembly].Keys.Where(room => room != Root).ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Namespaces_are_those_of_the_rooms(string assembly) => Assert.Empty(
        from file in Repository.Files($"src/{assembly}/", ".cs")
        let folders = file.Path.Split('/')[1..^1]
        where file.Text.Contains("\nnamespace ", StringComparison.Ordinal)
        where !Enumerable.Range(Math.Min(2, folders.Length), Math.Max(1, folders.Length - 1))
            .Any(depth => file.Text.Contains($"\nnamespace {string.Join('.', folders.Take(depth))};", StringComparison.Ordinal))
        select $"{file.Path} is not in the namespace of its folder, or of the room that this divides.");

    [Theory]
    [InlineData("Clients", "class A { Judging.Judge? b; }", 1)]
    [InlineData("Clients", "using Afterimage.Audit.Judging; class A { Judge? b; }", 1)]
    [InlineData("Clients", "class A { void B() { var c = Judging.Judge.Find(); } }", 3)]
    [InlineData("Clients", "class A { /* Judging.Judge */ string b = \"Judging.Judge\"; References? c; }", 0)]
    [InlineData("Judging", "class A { Clients.Batch? b; }", 0)]
    [InlineData("Measurements", "class A { LabelTables.Table? b; }", 1)]
    [InlineData("Measurements/LabelTables", "class A { Judging.Judge? b; }", 0)]
    [InlineData("Measurements/LabelTables", "class A { Execution.Run? b; }", 1)]
    [InlineData("Cellar", "class A { Clients.Batch? b; }", 1)]
    [InlineData("", "class A { Clients.Batch? b; }", 1)]
    public void Climbing_is_seen(string room, string code, int breaches)
    {
        const string Audit = "Afterimage.Audit";
        var space = $"namespace {Audit}{(room == Root ? "" : $".{room.Replace('/', '.')}")};";
        var crafted = Usage.Of(
        [
            new("src/Afterimage.Audit/References.cs", "namespace Afterimage.Audit { public class References { } }"),
            new("src/Afterimage.Audit/Clients/Batch.cs", "namespace Afterimage.Audit.Clients { public class Batch { } }"),
            new("src/Afterimage.Audit/Judging/Judge.cs",
                "namespace Afterimage.Audit.Judging { public class Judge { public static Judge Find() => new(); } }"),
            new("src/Afterimage.Audit/Execution/Run.cs", "namespace Afterimage.Audit.Execution { public class Run { } }"),
            new("src/Afterimage.Audit/Measurements/LabelTables/Table.cs",
                "namespace Afterimage.Audit.Measurements.LabelTables { public class Table { } }"),
            new($"src/Afterimage.Audit/{(room == Root ? "" : $"{room}/")}Crafted.cs", code.StartsWith("using", StringComparison.Ordinal)
                ? code.Insert(code.IndexOf(';', StringComparison.Ordinal) + 1, $" {space}") : $"{space} {code}"),
        ], Audit);
        Assert.Equal(breaches, Climbs(Audit, crafted).Count());
    }

    private static IEnumerable<string> Climbs(string assembly, IEnumerable<(string File, ISymbol Symbol)> uses) =>
        from use in uses
        where Rooms(assembly, use) is { From: not null, To: not null and not Root }
        let rooms = Rooms(assembly, use)
        where rooms.From != rooms.To && !Known[assembly].GetValueOrDefault(rooms.From!, []).Contains(rooms.To)
        select $"{use.File} uses {use.Symbol} of {rooms.To}, which {(rooms.From == Root ? "the root" : rooms.From)} may not know.";

    /// <summary>The folder of the use and that of the declaration; null for what is declared elsewhere.</summary>
    private static (string? From, string? To) Rooms(string assembly, (string File, ISymbol Symbol) use)
    {
        var declared = use.Symbol is INamespaceSymbol ? null : use.Symbol.Locations.FirstOrDefault(place => place.IsInSource);
        return (Room(assembly, use.File), Room(assembly, declared?.SourceTree?.FilePath));
    }

    private static string? Room(string assembly, string? file) =>
        file?.Split($"src/{assembly}/") is ["", var path] ? Path.GetDirectoryName(path)!.Replace('\\', '/') : null;
}
