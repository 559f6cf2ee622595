using System.Globalization;
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
    case ["iteration", ..]:
        IterationTable.Print(Console.Out, args[1..]);
        return 0;
    case ["memory", ..]:
        MemoryTable.Print(Console.Out);
        return 0;
    case ["generators"]:
        GeneratorStepTable.Print(Console.Out);
        return 0;
    case ["unroll", ..]:
        UnrollTable.Print(Console.Out);
        return 0;
    case ["training", var folder, .. var attacks]:
        TrainingTable.Print(Console.Out, folder, attacks.Length == 0 ? ["matching"] : attacks);
        return 0;
    case ["fuzz", var count, var seed]:
        return FuzzTable.Print(Console.Out, int.Parse(count, CultureInfo.InvariantCulture), int.Parse(seed, CultureInfo.InvariantCulture));
    case [FuzzWorker.Command, var seed]:
        FuzzWorker.Obey(int.Parse(seed, CultureInfo.InvariantCulture));
        return 0;
    case ["graphs", var count, var seed]:
        return GraphTable.Print(
            Console.Out, int.Parse(count, CultureInfo.InvariantCulture), int.Parse(seed, CultureInfo.InvariantCulture));
    case ["promises", var count, var seed]:
        return PromiseTable.Print(
            Console.Out, int.Parse(count, CultureInfo.InvariantCulture), int.Parse(seed, CultureInfo.InvariantCulture));
    case ["kill", var count, var seed]:
        return KillTable.Print(Console.Out, int.Parse(count, CultureInfo.InvariantCulture), int.Parse(seed, CultureInfo.InvariantCulture));
    case [KillTable.Command, var folder]:
        KillTable.Obey(folder);
        return 0;
    case ["parts", ..]:
        BenchmarkSwitcher.FromTypes([typeof(OperatorParts), typeof(OperatorProducts)]).Run(args[1..]);
        return 0;
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Afterimage.Benchmarks -- " +
            "operator [case...] | iteration [case...] | memory | generators | unroll | training FOLDER [attack...] | " +
            "fuzz N SEED | graphs N SEED | promises N SEED | kill N SEED | parts [filter...]");
        return 2;
}
