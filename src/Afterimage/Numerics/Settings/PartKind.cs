using System.Text;

namespace Afterimage.Numerics;

/// <summary>The name of a part: its type's name in kebab-case.</summary>
public static class PartKind
{
    /// <summary>"gradient-matching" for GradientMatching, "lenet" for LeNet.</summary>
    public static string Of(Type part)
    {
        var kind = new StringBuilder();
        for (var i = 0; i < part.Name.Length; i++)
        {
            if (i > 0 && char.IsUpper(part.Name[i]) && !part.Name.AsSpan(i).SequenceEqual("Net"))
                kind.Append('-');
            kind.Append(char.ToLowerInvariant(part.Name[i]));
        }
        return kind.ToString();
    }
}
