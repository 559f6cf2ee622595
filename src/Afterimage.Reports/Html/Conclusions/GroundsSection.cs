using Afterimage.Reports.Conclusions;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>What a verdict rests on, for somebody who must decide.</summary>
internal static class GroundsSection
{
    /// <summary>The block of the whole page; null where nothing was attacked.</summary>
    public static Element? Draw(AuditReport report) => report.Grounds is { } grounds
        ? Tag("section", ("class", "block"), Tag("h2", "What this rests on"), Facts(grounds), Changes(grounds)) : null;

    /// <summary>The content for one case; null where nothing was attacked.</summary>
    public static Element? Draw(CaseReport found) => found.Grounds is not { } grounds ? null : Tag("div",
        found.Threat is { } threat ? Tags(threat) : null, Facts(grounds), PerImage(found), Changes(grounds));

    public static string Word(Answer answer) => answer switch
    {
        Answer.Leaks => "Leaks",
        Answer.Partly => "Partly",
        _ => "Not shown",
    };

    private static Element Facts(Grounds grounds) => Tag("dl", ("class", "grounds"),
        Fact("Answer", grounds.Answer == Answer.NotShown && !grounds.Converged
            ? "Not shown, and the attack did not converge: this is no protection." : Word(grounds.Answer)),
        Fact("Strongest attack", $"{grounds.Attack}, which " +
            (grounds.Converged ? "explained the update" : "did not explain the update")),
        grounds.Bound is { } bound ? Fact("Bound", bound) : null,
        grounds.Baseline is { } baseline ? Fact("Baseline", baseline) : null);

    private static Element? Changes(Grounds grounds) => grounds.Changes.IsEmpty ? null : Tag("div",
        Tag("h3", "What would change the answer"),
        Tag("ul", [("class", "changes"), .. grounds.Changes.Select(change => Tag("li", change))]));

    private static Element? PerImage(CaseReport found)
    {
        var judged = found.Images.Where(image => image.Level is not null).ToArray();
        if (judged.Length < 2)
            return null;
        int Count(Answer answer) => judged.Count(image => Grounds.Of(image.Level!.Value) == answer);
        return Tag("p", ("class", "note"), $"Image by image: {Count(Answer.Leaks)} leak, {Count(Answer.Partly)} partly, " +
            $"{Count(Answer.NotShown)} not shown.");
    }

    private static Element Tags(ThreatTags threat) => Tag("ul",
    [
        ("class", "tags"), Tag("li", Tag("strong", $"Threat level {threat.Level}"), $" {threat.Meaning}"),
        .. threat.Words.Select(word => Tag("li", word)),
    ]);
}
