using System.Reflection;
using System.Xml.Linq;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Server;

namespace Afterimage.Tests.House;

[Collection(Apart.Collection)]
public class TypeRuleTests
{
    private static readonly Assembly Attacker = typeof(RandomSource).Assembly;
    private static readonly Assembly Auditor = typeof(Judge).Assembly;
    private static readonly Assembly Reports = typeof(AuditReport).Assembly;
    private static readonly Assembly Server = typeof(PageServer).Assembly;
    private static readonly Assembly[] Libraries = [Attacker, Auditor, Reports, Server];

    private static readonly Type[] All = [.. Libraries.SelectMany(Written)];

    [Fact]
    public void The_attackers_side_knows_neither_the_auditor_nor_the_reports() =>
        Assert.Empty(TypeRules.Strangers(Attacker, "TorchSharp", "SkiaSharp", "MathNet.Numerics"));

    [Fact]
    public void Reports_stand_on_the_base_class_library_alone() => Assert.Empty(TypeRules.Strangers(Reports));

    [Fact]
    public void The_auditor_knows_the_attack_and_the_reports() =>
        Assert.Empty(TypeRules.Strangers(Auditor, "Afterimage", "Afterimage.Reports", "TorchSharp", "SkiaSharp"));

    [Fact]
    public void The_page_stands_on_the_auditor_and_aspnet() => Assert.Empty(TypeRules.Strangers(Server, "Afterimage", "Afterimage.Audit",
        "Afterimage.Reports", "Microsoft.AspNetCore", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Hosting.Abstractions",
        "Microsoft.AspNetCore.Hosting.Server.Abstractions", "Microsoft.AspNetCore.Http.Abstractions",
        "Microsoft.AspNetCore.Http.Extensions", "Microsoft.AspNetCore.Http.Features", "Microsoft.AspNetCore.Http.Results",
        "Microsoft.AspNetCore.Routing",
        "Microsoft.AspNetCore.Routing.Abstractions", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Server.Kestrel.Core",
        "Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Hosting",
        "Microsoft.Extensions.Hosting.Abstractions",
        "Microsoft.Extensions.Options", "Microsoft.Extensions.Features", "Microsoft.Extensions.Primitives", "Microsoft.Net.Http.Headers"));

    [Fact]
    public void Nothing_is_open_to_the_attackers_side_from_within() =>
        Assert.DoesNotContain(Libraries.Where(library => library != Attacker).SelectMany(library => library.GetCustomAttributesData()),
            data => data.AttributeType.Name == "InternalsVisibleToAttribute" && data.ConstructorArguments[0].Value is "Afterimage");

    [Fact]
    public void Native_libraries_belong_to_hosts_alone()
    {
        var hosts = Repository.Files("", ".csproj").Where(file => file.Text.Contains("<HostsTorch>true", StringComparison.Ordinal));
        Assert.Equal(["Afterimage.Benchmarks", "Afterimage.Cli", "Afterimage.Tests"],
            hosts.Select(file => Path.GetFileNameWithoutExtension(file.Path)));
        Assert.DoesNotContain(Repository.Files("", ".csproj"), file => file.Text.Contains("libtorch", StringComparison.Ordinal));
    }

    [Fact]
    public void Names_say_something() =>
        Assert.Empty(TypeRules.VagueNames(All.Concat(Written(typeof(TypeRuleTests).Assembly)).Except(Crafted)));

    [Fact]
    public void There_is_no_static_state_but_the_note_on_native_libraries() =>
        Assert.Equal(["Afterimage.Numerics.NativeRuntime.Note is static and can change."], TypeRules.StaticState(All));

    [Fact]
    public void Classes_are_sealed_or_abstract() => Assert.Empty(TypeRules.OpenClasses(All));

    [Fact]
    public void Asynchrony_begins_where_cases_are_run() =>
        Assert.Empty(TypeRules.Asynchrony(Attacker.GetTypes().Concat(Auditor.GetTypes()), "Afterimage.Audit.Execution"));

    [Fact]
    public void Every_part_says_what_it_is()
    {
        foreach (var assembly in new[] { Attacker, Auditor })
        {
            var documentation = Path.ChangeExtension(assembly.Location, ".xml");
            Assert.SkipUnless(File.Exists(documentation), $"needs {Path.GetFileName(documentation)} beside the tests");
            Assert.Empty(TypeRules.Undocumented(assembly.GetTypes(), Roots(), XDocument.Load(documentation)));
        }
        Assert.True(Roots().Count() >= 10);
    }

    [Fact]
    public void The_rules_see_what_they_look_for()
    {
        Assert.Single(TypeRules.VagueNames([typeof(PixelHelper)]));
        Assert.Equal(3, TypeRules.StaticState([typeof(Forgetful)]).Count());
        Assert.Single(TypeRules.OpenClasses([typeof(PixelHelper), typeof(Forgetful)]));
        Assert.Equal(2, TypeRules.Asynchrony([typeof(PixelHelper)], "Afterimage.Tests.Elsewhere").Count());
        Assert.Empty(TypeRules.Asynchrony([typeof(PixelHelper)], "Afterimage.Tests"));
        var documentation = XDocument.Parse("<doc><member name='T:Other'><summary>x</summary></member></doc>");
        Assert.Equal([$"{typeof(Silent).FullName} has no summary."],
            TypeRules.Undocumented([typeof(Silent), typeof(Metric)], [typeof(SilentRoot)], documentation));
        Assert.Contains(TypeRules.Strangers(typeof(TypeRuleTests).Assembly),
            breach => breach.EndsWith("references Afterimage.Audit.", StringComparison.Ordinal));
    }

    /// <summary>Abstract records outside the description of networks, whose layers are PyTorch's own.</summary>
    private static IEnumerable<Type> Roots() => Attacker.GetTypes().Concat(Auditor.GetTypes())
        .Where(type => type is { IsPublic: true, IsAbstract: true, IsSealed: false, Name: not "Layer" }
            && type.GetMethod("<Clone>$") is not null);

    /// <summary>Types that people wrote; source generators put theirs into other namespaces.</summary>
    private static IEnumerable<Type> Written(Assembly assembly) =>
        assembly.GetTypes().Where(type => type.Namespace?.Split('.')[0] == "Afterimage");

    private static readonly Type[] Crafted = [typeof(PixelHelper), typeof(Forgetful)];
}

public class PixelHelper
{
    public static async Task Wait() => await Task.Yield();

    public static async IAsyncEnumerable<int> Count()
    {
        await Task.Yield();
        yield return 1;
    }

    public static IEnumerable<int> Synchronous()
    {
        yield return 1;
    }
}

internal static class Forgetful
{
    public const int Fixed = 1;
    public static readonly int Set = 1;
    public static int Field = 1;
    public static readonly List<int> Items = [];

    public static int Property { get; set; }

    public static int Constant { get; } = 1;
}

public abstract record SilentRoot;

public sealed record Silent : SilentRoot;
