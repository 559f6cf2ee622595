using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;
using Afterimage.Compiled;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>
/// The compiled operator against the bare libtorch loop on one core in one run. The two sides take turns; times are CPU
/// times, and a ratio is the median over pairs of neighboring turns.
/// </summary>
internal static class OperatorTable
{
    public static void Print(TextWriter output, string[] only)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        set_num_threads(1);
        bool Wanted(string name) => BenchmarkCase.IsNamed(name, only);
        var bits = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;
        output.WriteLine($"vectors of {bits} bits; rates per CPU second of one core");
        output.WriteLine(
            $"{"evaluations: A(x) and J'(A(x) - y)",-36}{"libtorch/s",12}{"compiled/s",12}{"ratio",8}{"target",8}{"GFLOP/s",9}");
        foreach (var each in BenchmarkCase.Named(only))
        {
            using var setting = new Setting(each.Source, each.Input, each.Batch);
            var (bare, mine, ratio) = Contest.Run(setting.Bare.Evaluate, setting.Mine.Evaluate, 5);
            var rate = setting.Operations / mine / 1e9;
            output.WriteLine($"{each.Name,-36}{1 / bare,12:F1}{1 / mine,12:F1}{ratio,8:F2}{each.Target,8:F1}{rate,9:F1}");
        }
        if (Wanted("gradients"))
        {
            using var setting = new Setting(new LeNet(), new(3, 32, 32), 1);
            var (bare, mine, ratio) = Contest.Run(setting.Bare.Gradient, setting.Mine.Gradient, 5);
            output.WriteLine($"{"gradients of single images, LeNet",-36}{1 / bare,12:F1}{1 / mine,12:F1}{ratio,8:F2}{10.0,8:F1}");
        }
        if (Wanted("jacobian"))
            output.WriteLine($"{"Jacobian of LeNet, double precision",-36}{JacobianSeconds(),12:F2} s of CPU time, target 5");
        if (Wanted("restarts"))
        {
            var (clock, cpu) = Scaling();
            output.WriteLine(
                $"{"two cores on 16 restarts of LeNet",-36}{clock,12:F2} times one core by the clock, {cpu:F2} by CPU time, target 1.85");
        }
    }

    /// <summary>The whole Jacobian, 3072 columns of one number for each parameter, kept in blocks of 256 columns.</summary>
    private static double JacobianSeconds()
    {
        using var model = new LeNet().Open(new(3, 32, 32), 10, new RandomSource(3), ScalarType.Float64, CPU);
        using var compiled = CompiledModel.Of<double>(model);
        using var plan = compiled.Plan(1);
        var image = new double[plan.Pixels];
        image.AsSpan().Fill(0.5);
        double[] target = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var parameters = (int)plan.Parameters;
        var columns = new double[256 * parameters];
        var direction = new double[plan.Pixels];
        plan.Gradient(image, target, columns.AsSpan(0, parameters));
        void Whole()
        {
            for (var pixel = 0; pixel < direction.Length; pixel++)
            {
                direction[pixel] = 1;
                plan.Pushforward(direction, columns.AsSpan(pixel % 256 * parameters, parameters));
                direction[pixel] = 0;
            }
        }
        Whole();
        return Enumerable.Range(0, 3).Select(_ => Contest.CpuSeconds(Whole)).Order().ElementAt(1);
    }

    /// <summary>
    /// Times one core that 16 independent searches run on two threads, the median of five turns: by the clock, and, since other
    /// work on the machine spoils the clock, by CPU time (twice what one thread needs over what two need together).
    /// </summary>
    private static (double Clock, double Cpu) Scaling()
    {
        const int Restarts = 16, Evaluations = 300;
        using var setting = new Setting(new LeNet(), new(3, 32, 32), 1);
        (double Clock, double Cpu) Seconds(int threads)
        {
            var begin = Stopwatch.GetTimestamp();
            var cpu = Contest.CpuSeconds(() => Parallel.For(0, Restarts, new() { MaxDegreeOfParallelism = threads }, _ =>
            {
                using var search = setting.Begin(1);
                for (var i = 0; i < Evaluations; i++)
                    search.Evaluate();
            }));
            return (Stopwatch.GetElapsedTime(begin).TotalSeconds, cpu);
        }
        Seconds(2);
        var turns = Enumerable.Range(0, 5).Select(_ => (One: Seconds(1), Two: Seconds(2))).ToList();
        double Median(IEnumerable<double> values) => values.Order().ElementAt(2);
        return (Median(turns.Select(turn => turn.One.Clock / turn.Two.Clock)),
            Median(turns.Select(turn => 2 * turn.One.Cpu / turn.Two.Cpu)));
    }
}
