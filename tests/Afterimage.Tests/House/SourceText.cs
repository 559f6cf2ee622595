using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Afterimage.Tests.House;

/// <summary>Rules that read text: each gives one sentence for every breach.</summary>
internal static partial class SourceText
{
    public const int LongestFile = 350;
    public const int LongestLine = 140;
    public const int FullestFolder = 14;

    public static IEnumerable<string> TooLong(SourceFile file)
    {
        var lines = file.Text.AsSpan().Count('\n');
        return lines > LongestFile ? [$"{file.Path} has {lines} lines, more than {LongestFile}: let files say one thing each."] : [];
    }

    /// <summary>Lines that are too long; the analyzer in the build overlooks comments and long words.</summary>
    public static IEnumerable<string> TooWide(SourceFile file) =>
        from line in file.Text.Split('\n').Index()
        where line.Item.Length > LongestLine
        select $"{file.Path}, line {line.Index + 1}, has {line.Item.Length} characters, more than {LongestLine}.";

    public static IEnumerable<string> TooFull(IEnumerable<SourceFile> files) =>
        from folder in files.GroupBy(file => Path.GetDirectoryName(file.Path))
        where folder.Count() > FullestFolder
        select $"{folder.Key} holds {folder.Count()} files, more than {FullestFolder}: sort them into folders.";

    /// <summary>Public members whose documentation lacks a summary; the compiler finds those without any documentation.</summary>
    public static IEnumerable<string> WithoutSummary(SourceFile file) =>
        from member in CSharpSyntaxTree.ParseText(file.Text).GetRoot().DescendantNodes().OfType<MemberDeclarationSyntax>()
        where member.AncestorsAndSelf().OfType<MemberDeclarationSyntax>().All(IsPublic)
        let documentation = member.GetLeadingTrivia().Select(trivia => trivia.GetStructure())
            .OfType<DocumentationCommentTriviaSyntax>().LastOrDefault()
        where documentation is not null && !documentation.Content.Select(Name).Any(name => name is "summary" or "inheritdoc")
        select $"{file.Path}, line {member.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: the documentation has no summary.";

    private static bool IsPublic(MemberDeclarationSyntax member) =>
        member is BaseNamespaceDeclarationSyntax or EnumMemberDeclarationSyntax
        || member.Modifiers.Any(modifier => modifier.IsKind(SyntaxKind.PublicKeyword) || modifier.IsKind(SyntaxKind.ProtectedKeyword));

    private static string? Name(XmlNodeSyntax node) => node switch
    {
        XmlElementSyntax element => element.StartTag.Name.ToString(),
        XmlEmptyElementSyntax element => element.Name.ToString(),
        _ => null,
    };

    public static IEnumerable<string> Unfinished(SourceFile file) =>
        Stub().Matches(file.Text).Select(match => $"{file.Path} holds {match.Value}: finish it or leave it out.");

    public static IEnumerable<string> MachinePaths(SourceFile file) =>
        MachinePath().Matches(file.Text).Select(match => $"{file.Path} holds {match.Value}, a path of one machine.");

    // Written so that this file does not breach its own rules.
    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK|NotImplemented" + @"Exception)\b")]
    private static partial Regex Stub();

    [GeneratedRegex(@"(?<![\w.:/~<])/(wo" + @"rk|tm" + @"p|ro" + @"ot|ho" + @"me|fa" + @"rm)/|\b[A-Z]:\\\\?Us" + @"ers")]
    private static partial Regex MachinePath();
}
