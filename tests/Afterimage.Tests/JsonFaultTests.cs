using Afterimage.Audit.Cases;

namespace Afterimage.Tests;

public sealed class JsonFaultTests
{
    private static readonly ExperimentFile Files = new(Afterimage.Catalog.Standard);

    [Theory]
    [InlineData("""{ "trials": "many" }""", "/trials must be a whole number, not")]
    [InlineData("""{ "trials": 1e9999 }""", "/trials must be a whole number, not")]
    [InlineData("""{ "client": { "kind": "simulated-client", "defense": { "kind": "reduced-precision", "format": "float8" } } }""",
        "must be one of float32, float16, b-float16, not")]
    [InlineData("""{ "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": 3 } } }""", "3x32x32")]
    [InlineData("""{ "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "3x3" } } }""",
        "shape: \"3x3\" is not an image shape")]
    [InlineData("""{ "model": { "kind": "le-net", "normalization": 3 } }""", "/model/normalization must be an object, not 3")]
    [InlineData("""{ "trials": 1, "trials": 2 }""", "trials")]
    [InlineData("""{ "title": "x" """, "cannot be read in line 1")]
    public void TypesAreCalledByWhatTheyLookLikeInJson(string json, string sentence)
    {
        var message = Assert.Throws<AfterimageException>(() => Files.Parse(json, "e.json")).Message;
        Assert.Contains(sentence, message, StringComparison.Ordinal);
        Assert.StartsWith("e.json", message, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("Afterimage.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("BytePosition", message, StringComparison.Ordinal);
        Assert.DoesNotContain(". ", message, StringComparison.Ordinal);
    }
}
