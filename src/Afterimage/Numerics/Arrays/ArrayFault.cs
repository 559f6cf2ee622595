namespace Afterimage.Numerics.Arrays;

/// <summary>
/// Errors about array files. Names come from untrusted files, so they are shortened and stripped of control characters.
/// </summary>
internal static class ArrayFault
{
    public static AfterimageException File(string file, string reason, Exception? inner = null) =>
        Sentence($"{Plain(file)} {reason}", inner);

    public static AfterimageException About(string file, string text) => Sentence($"{Plain(file)}: {text}", null);

    public static AfterimageException Tensor(string file, string tensor, string reason, Exception? inner = null) =>
        Sentence($"{Plain(file)}: tensor \"{Plain(tensor)}\" {reason}", inner);

    public static string Plain(string name)
    {
        var shown = name.Length <= 120 ? name : name[..60] + "..." + name[^57..];
        return string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
    }

    public static string Shape(IEnumerable<long> shape) => $"[{string.Join(",", shape)}]";

    private static AfterimageException Sentence(string text, Exception? inner) => new(text.EndsWith('.') ? text : text + ".", inner);
}
