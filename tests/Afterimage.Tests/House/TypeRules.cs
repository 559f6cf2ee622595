using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Afterimage.Tests.House;

/// <summary>Rules that read compiled types: each gives one sentence for every breach.</summary>
internal static class TypeRules
{
    private const BindingFlags Declared =
        BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly string[] VagueEndings = ["Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Manager"];

    /// <summary>Names that say nothing.</summary>
    public static IEnumerable<string> VagueNames(IEnumerable<Type> types) =>
        from type in types
        where VagueEndings.Any(ending => type.Name.Split('`')[0].EndsWith(ending, StringComparison.Ordinal))
        select $"{type.FullName} is named after nothing: say what it does.";

    /// <summary>Static fields that can be set again, or hold a collection that can be changed.</summary>
    public static IEnumerable<string> StaticState(IEnumerable<Type> types) =>
        from type in types
        where !type.IsDefined(typeof(CompilerGeneratedAttribute), false) && !type.Name.StartsWith('<')
        from field in type.GetFields(Declared)
        where field.IsStatic && !field.IsLiteral && !field.Name.StartsWith("<>", StringComparison.Ordinal)
        where !field.IsInitOnly || IsChangeable(field.FieldType)
        select $"{type.FullName}.{Property(field.Name)} is static and can change.";

    /// <summary>Classes that are open by accident.</summary>
    public static IEnumerable<string> OpenClasses(IEnumerable<Type> types) =>
        from type in types
        where type.IsClass && !type.IsSealed && !type.IsAbstract && !typeof(Exception).IsAssignableFrom(type)
        where !type.IsDefined(typeof(CompilerGeneratedAttribute), false)
        select $"{type.FullName} is neither sealed nor abstract.";

    /// <summary>Methods compiled from async, outside the namespaces that may have them.</summary>
    public static IEnumerable<string> Asynchrony(IEnumerable<Type> types, params string[] allowed) =>
        from type in types
        where !allowed.Any(name => type.Namespace == name || type.Namespace?.StartsWith(name + ".", StringComparison.Ordinal) == true)
        from method in type.GetMethods(Declared)
        where method.GetCustomAttributes<StateMachineAttribute>().Any(machine => machine is not IteratorStateMachineAttribute)
        select $"{type.FullName}.{method.Name} is async: the numerical core runs on one thread.";

    /// <summary>Public sealed leaves of an abstract root without a summary in the XML documentation.</summary>
    public static IEnumerable<string> Undocumented(IEnumerable<Type> types, IEnumerable<Type> roots, XDocument documentation)
    {
        var summaries = documentation.Descendants("member")
            .Where(member => !string.IsNullOrWhiteSpace(member.Element("summary")?.Value))
            .Select(member => member.Attribute("name")!.Value).ToHashSet();
        return from type in types
               where type.IsPublic && type.IsSealed && roots.Any(root => type.IsSubclassOf(root))
               where !summaries.Contains("T:" + type.FullName)
               select $"{type.FullName} has no summary.";
    }

    /// <summary>References of an assembly that are outside the base class library and not in a list.</summary>
    public static IEnumerable<string> Strangers(Assembly assembly, params string[] allowed) =>
        from name in assembly.GetReferencedAssemblies().Select(reference => reference.Name!)
        where name is not ("netstandard" or "mscorlib" or "Microsoft.CSharp" or "Microsoft.Win32.Primitives" or "System")
            && !name.StartsWith("System.", StringComparison.Ordinal) && !allowed.Contains(name)
        select $"{assembly.GetName().Name} references {name}.";

    private static bool IsChangeable(Type type) => type is { IsArray: false, IsGenericType: true, IsClass: true }
        && type.Namespace is "System.Collections.Generic" or "System.Collections.Concurrent" && typeof(IEnumerable).IsAssignableFrom(type);

    private static string Property(string field) => field.Split('<', '>') is ["", var name, ..] ? name : field;
}
