using System.Runtime.CompilerServices;
using Afterimage.Benchmarks;
using Afterimage.Numerics;

RuntimeHelpers.RunModuleConstructor(typeof(NativeRuntime).Module.ModuleHandle);
switch (args)
{
    case ["operator", ..]:
        OperatorTable.Print(Console.Out, args[1..]);
        return 0;
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Afterimage.Benchmarks -- operator [case...]");
        return 2;
}
