using System.Runtime.CompilerServices;
using Afterimage.Benchmarks;
using Afterimage.Numerics;
using BenchmarkDotNet.Running;

RuntimeHelpers.RunModuleConstructor(typeof(NativeRuntime).Module.ModuleHandle);
switch (args)
{
    case ["operator", ..]:
        OperatorTable.Print(Console.Out, args[1..]);
        return 0;
    case ["parts", ..]:
        BenchmarkSwitcher.FromTypes([typeof(OperatorParts), typeof(OperatorProducts)]).Run(args[1..]);
        return 0;
    default:
        Console.Error.WriteLine(
            "usage: dotnet run -c Release --project bench/Afterimage.Benchmarks -- operator [case...] | parts [filter...]");
        return 2;
}
