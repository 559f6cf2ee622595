using Afterimage.Audit;

namespace Afterimage.Tests.Findings;

public class ReferencesTests
{
    private const string Good = "@misc{key2020a,\n  author = {Family, Given},\n  title = {A {T}itle},\n" +
        "  howpublished = {Somewhere},\n  year = {2020}\n}\n";

    [Fact]
    public void A_citation_reads_like_a_reference() => Assert.Equal(
        "Ligeng Zhu, Zhijian Liu and Song Han. Deep Leakage from Gradients. Advances in Neural Information Processing Systems, 2019.",
        References.Find("zhu2019deep").Text);

    [Fact]
    public void Keys_are_family_year_and_word_and_addresses_are_secure()
    {
        Assert.NotEmpty(References.All);
        Assert.All(References.All.Values, citation =>
        {
            Assert.Matches("^[a-z]+(19|20)[0-9]{2}[a-z]+$", citation.Key);
            Assert.Contains($", {Year(citation.Key)}.", citation.Text, StringComparison.Ordinal);
            Assert.True(citation.Url is null || citation.Url.StartsWith("https://", StringComparison.Ordinal));
            Assert.DoesNotContain('{', citation.Text);
        });
    }

    [Fact]
    public void A_key_names_the_first_author() => Assert.All(References.All.Values, citation =>
        Assert.Contains(new string([.. citation.Key.TakeWhile(char.IsAsciiLetter)]),
            citation.Text.Split([", ", " and "], StringSplitOptions.None)[0], StringComparison.OrdinalIgnoreCase));

    [Fact]
    public void An_unknown_key_says_where_to_add_it() =>
        Refusal.Says("References.bib", () => References.Find("nobody2020nothing"));

    [Fact]
    public void Braces_that_guard_capitals_are_dropped()
    {
        var citation = Assert.Single(Bibliography.Parse(Good));
        Assert.Equal("Given Family. A Title. Somewhere, 2020.", citation.Text);
        Assert.Null(citation.Url);
    }

    [Theory]
    [InlineData("year = {2020}", "year = {20}", "the year of key2020a is \"20\"")]
    [InlineData("year = {2020}", "pages = {1}", "line 5: key2020a has the unknown field pages")]
    [InlineData("  title = {A {T}itle},\n", "", "has no title")]
    [InlineData("title = {A {T}itle}", "title = {A {Title}", "a value is one line")]
    [InlineData("title = {A {T}itle}", "title = \"A Title\"", "found '\"' where '{' is expected")]
    [InlineData("howpublished = {Somewhere}", "journal = {A}, booktitle = {B}", "exactly one of")]
    [InlineData("Family, Given", "Given Family", "not written")]
    [InlineData("Family, Given", "Fam\\\"ily, Given", "without LaTeX")]
    [InlineData("year = {2020}", "year = {2020}, year = {2020}", "field year twice")]
    [InlineData("@misc{", "misc{", "where '@' is expected")]
    [InlineData("year = {2020}\n}", "year = {2020}\n", "the text ends where '}' is expected")]
    public void A_malformed_entry_names_the_fault(string good, string bad, string message)
    {
        Assert.Contains(good, Good, StringComparison.Ordinal);
        var error = Assert.Throws<AfterimageException>(() => Bibliography.Parse(Good.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_comes_once() =>
        Refusal.Says("comes twice", () => Bibliography.Parse(Good + Good));

    private static string Year(string key) => string.Concat(key.Where(char.IsAsciiDigit));
}
