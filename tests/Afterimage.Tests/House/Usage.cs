using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Afterimage.Tests.House;

/// <summary>The types and members that each file of an assembly uses, according to the compiler.</summary>
internal static class Usage
{
    private const string Implicit =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; " +
        "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly string[] Platform = [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
        .Split(Path.PathSeparator).Where(path => path.EndsWith(".dll", StringComparison.Ordinal))];

    /// <summary>Every use of a type or member: the file it is in and the symbol.</summary>
    /// <param name="files">The source of the assembly.</param>
    /// <param name="assembly">Its name, under which it is compiled here without what was built of it.</param>
    public static IReadOnlyList<(string File, ISymbol Symbol)> Of(IEnumerable<SourceFile> files, string assembly = "Afterimage")
    {
        var options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Preview);
        var trees = files.Append(new("Implicit.cs", Implicit))
            .Select(file => CSharpSyntaxTree.ParseText(file.Text, options, file.Path)).ToArray();
        var compilation = CSharpCompilation.Create(assembly, trees,
            Platform.Where(path => Path.GetFileNameWithoutExtension(path) != assembly)
                .Select(path => MetadataReference.CreateFromFile(path)),
            new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        return [.. from tree in trees.AsParallel().AsOrdered()
                   let model = compilation.GetSemanticModel(tree)
                   from name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>()
                   let symbol = model.GetSymbolInfo(name).Symbol
                   where symbol is not null
                   select (tree.FilePath, symbol)];
    }

    /// <summary>The room of a symbol: the part of its namespace after Afterimage, or Catalog; null outside the rooms.</summary>
    public static string? Room(ISymbol symbol)
    {
        if ((symbol as INamedTypeSymbol ?? symbol.ContainingType)?.ToDisplayString() == "Afterimage.Catalog")
            return "Catalog";
        var space = symbol is INamespaceSymbol or ITypeParameterSymbol ? null : symbol.ContainingNamespace?.ToDisplayString();
        return space?.Split('.') is ["Afterimage", var room, ..] ? room : null;
    }
}
