using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Afterimage.Attacks;
using Afterimage.Audit;
using Afterimage.Audit.Cases;
using Afterimage.Models;
using Afterimage.Solvers;

namespace Afterimage.Tests.Laws;

/// <summary>Every part says what it is and whose idea it is.</summary>
public partial class PaperLaws
{
    public static TheoryData<string, string> Names => Parts.Names();

    [Fact]
    public void Every_cited_key_resolves()
    {
        var cited = typeof(Catalog).Assembly.GetTypes().Concat(typeof(References).Assembly.GetTypes())
            .SelectMany(type => type.GetCustomAttribute<CitesAttribute>()?.Keys ?? []).ToArray();
        Assert.True(cited.Length >= 15);
        Assert.All(cited, key => Assert.Equal(key, References.Find(key).Key));
    }

    [Theory, MemberData(nameof(Names))]
    public void A_paper_named_in_a_summary_is_cited_and_the_other_way_round(string root, string kind)
    {
        var part = Parts.Type(root, kind);
        var named = Year().Matches(Documentation(part)).Select(match => match.Value).Order().Distinct();
        var cited = (part.GetCustomAttribute<CitesAttribute>()?.Keys ?? []).Select(key => Year().Match(key).Value).Order().Distinct();
        Assert.Equal(named, cited);
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_part_has_a_sentence_for_a_list(string root, string kind)
    {
        var sentence = Catalog.Summary(Parts.Type(root, kind));
        Assert.NotNull(sentence);
        Assert.InRange(sentence.Length, 15, 300);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("  ", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("T:", sentence, StringComparison.Ordinal);
        Assert.Equal(sentence.Trim(), sentence);
    }

    [Fact]
    public void A_summary_is_its_first_sentence_in_plain_text()
    {
        Assert.Equal("Limited-memory BFGS (Liu and Nocedal, 1989) with a line search for the strong Wolfe conditions " +
            "(Nocedal and Wright, 2006, algorithms 3.5 and 3.6).", Catalog.Summary(typeof(Lbfgs)));
        Assert.Equal("The ConvNet of Inverting Gradients (Geiping et al., 2020): eight 3x3 convolutions with BatchNorm and ReLU, two " +
            "3x3 max poolings and one linear layer.", Catalog.Summary(typeof(ConvNet)));
        Assert.Null(Catalog.Summary(typeof(string)));
        Assert.Equal("Every part says what it is and whose idea it is.", Catalog.Summary(typeof(PaperLaws)));
    }

    [Fact]
    public void A_report_cites_what_was_used_and_nothing_else()
    {
        var experiment = new Experiment { Model = new Mlp(), Attack = Known.ImprovedDeepLeakage };
        var cited = Explanation.Cites(experiment);
        Assert.Contains("zhao2020idlg", cited);
        Assert.Contains("zhu2019deep", cited);
        Assert.Contains("liu1989limited", cited);
        Assert.Contains("lee2001occlusion", cited);
        Assert.DoesNotContain("geiping2020inverting", cited);
        Assert.DoesNotContain("kingma2015adam", cited);
        var other = Explanation.Cites(experiment with { Attack = Known.InvertingGradients });
        Assert.Contains("geiping2020inverting", other);
        Assert.Contains("rudin1992nonlinear", other);
        Assert.DoesNotContain("liu1989limited", other);
    }

    private static string Documentation(Type part) =>
        XDocument.Load(Path.ChangeExtension(part.Assembly.Location, ".xml")).Descendants("member")
            .Single(member => member.Attribute("name")!.Value == "T:" + part.FullName).Element("summary")!.Value;

    [GeneratedRegex("(19|20)[0-9]{2}")]
    private static partial Regex Year();
}
