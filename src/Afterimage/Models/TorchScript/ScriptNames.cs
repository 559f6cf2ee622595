using System.Text.RegularExpressions;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Models.TorchScript;

/// <summary>
/// Whether the code of an archive is whole: brackets close, and every class and function that it names is there. libtorch ends the
/// process where a class is missing.
/// </summary>
internal sealed partial class ScriptNames(IReadOnlyDictionary<string, string> code)
{
    /// <summary>Classes that libtorch itself registers have no code.</summary>
    private const string Native = "__torch__.torch.classes.";

    private readonly Dictionary<string, string> bare = code.ToDictionary(pair => pair.Key, pair => Texts().Replace(pair.Value, "\"\""));

    private readonly Dictionary<string, HashSet<string>> defined = code.ToDictionary(
        pair => pair.Key, pair => Definitions().Matches(pair.Value).Select(match => match.Groups[1].Value).ToHashSet());

    /// <param name="pickled">The names in data.pkl.</param>
    public void Check(IEnumerable<string> pickled)
    {
        foreach (var (file, text) in bare)
            if (!IsClosed(text))
                throw new UnreadableScriptException($"its code {ArrayFault.Plain(file)} is cut or damaged: brackets do not match");
        var named = bare.Values.SelectMany(text => Qualified().Matches(text).Select(match => match.Value))
            .Concat(pickled.Where(name => name.StartsWith("__torch__.", StringComparison.Ordinal)));
        var missing = named.Distinct().FirstOrDefault(name => !name.StartsWith(Native, StringComparison.Ordinal) && !Exists(name));
        if (missing is not null)
            throw new UnreadableScriptException($"its code lacks {ArrayFault.Plain(missing)}");
        var foreign = bare.Values.SelectMany(text => Libraries().Matches(text).Select(match => match.Value)).FirstOrDefault();
        if (foreign is not null)
            throw new UnreadableScriptException($"it needs {ArrayFault.Plain(foreign)}, an operator of a library beyond PyTorch");
    }

    /// <summary>Whether a file is named like a beginning of the name and defines what follows.</summary>
    private bool Exists(string name)
    {
        for (var dot = name.IndexOf('.'); dot > 0; dot = name.IndexOf('.', dot + 1))
            if (defined.TryGetValue(name[..dot], out var names) && names.Contains(name[(dot + 1)..].Split('.')[0]))
                return true;
        return false;
    }

    private static bool IsClosed(string text)
    {
        var open = new Stack<char>();
        foreach (var symbol in text)
            if (symbol is '(' or '[' or '{')
                open.Push(symbol);
            else if (symbol is ')' or ']' or '}'
                && !(open.TryPop(out var opened) && opened == (symbol == ')' ? '(' : symbol == ']' ? '[' : '{')))
                return false;
        return open.Count == 0;
    }

    [GeneratedRegex("""("(\\.|[^"\\\n])*")|('(\\.|[^'\\\n])*')""", RegexOptions.NonBacktracking)]
    private static partial Regex Texts();

    [GeneratedRegex("""\b(?:class|def) +([A-Za-z_]\w*)""", RegexOptions.NonBacktracking)]
    private static partial Regex Definitions();

    [GeneratedRegex("""\b__torch__(\.[A-Za-z_]\w*)+""", RegexOptions.NonBacktracking)]
    private static partial Regex Qualified();

    [GeneratedRegex("""\bops\.(torchvision|torchaudio|torchtext|detectron2|fbgemm|torch_(sparse|scatter|cluster)|mmdeploy)\.\w+""",
        RegexOptions.NonBacktracking)]
    private static partial Regex Libraries();
}
