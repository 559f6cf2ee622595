using System.Text.RegularExpressions;

namespace Afterimage.Models.TorchScript;

/// <summary>What libtorch says, as a part of one sentence: the first of its own, without addresses and what C++ adds.</summary>
internal static partial class NativeWords
{
    /// <param name="message">One line or several.</param>
    public static string First(string message) => message.Split('\n').Select(Plain).FirstOrDefault(line => line.Length > 0) ?? "";

    private static string Plain(string line) => Ends().Split(Addresses().Replace(line.Split("Exception raised from")[0], ""))[0]
        .Trim().TrimEnd('.', ':', '?', '!');

    [GeneratedRegex(@" *\(of Python compilation unit at: \w+\)| at 0x[0-9a-f]+", RegexOptions.NonBacktracking)]
    private static partial Regex Addresses();

    [GeneratedRegex(@"[.!?] +(?=[A-Z])")]
    private static partial Regex Ends();
}
