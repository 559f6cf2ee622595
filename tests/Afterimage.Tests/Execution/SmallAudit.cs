using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Reports;
using Afterimage.Solvers;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Execution;

/// <summary>An audit that takes a fraction of a second, and parts of a user that misbehave.</summary>
internal static class SmallAudit
{
    public static Catalog Parts { get; } = Catalog.Standard
        .With<Attack, Patient>().With<Attack, Deaf>().With<Prior, Exploding>().With<Prior, Aborting>();

    public static ExperimentFile Files { get; } = new(Parts);

    public static DeadLeaves Leaves { get; } = new() { Shape = new(1, 8, 8), Count = 40, Classes = 4 };

    public static Experiment Experiment { get; } = new()
    {
        Title = "Small",
        Model = new Mlp { Depth = 2, Width = 16, Activation = ActivationKind.Sigmoid },
        Client = new SimulatedClient { Data = Leaves },
        Attack = Known.Matching with { Solver = new Lbfgs { Iterations = 10 }, Restarts = 1 },
    };

    /// <summary>The experiment over the values of one axis.</summary>
    public static Experiment Varying(string pointer, string values) => Experiment with
    {
        Vary = [new(pointer, JsonNode.Parse(values)!.AsArray().Select(value => value?.DeepClone()).ToValueList())],
    };

    public static async Task<(AuditReport Report, List<AuditEvent> Events)> Run(Experiment experiment, string folder, bool resume = false,
        int parallel = 1, Action<AuditEvent>? watch = null, CancellationToken cancellation = default)
    {
        var options = new RunOptions { Folder = folder, Resume = resume, Parallel = parallel, Command = "afterimage audit small.json" };
        return await Run(experiment, new(), options, watch, cancellation);
    }

    public static async Task<(AuditReport Report, List<AuditEvent> Events)> Run(Experiment experiment, AttackAndJudge measurement,
        RunOptions options, Action<AuditEvent>? watch = null, CancellationToken cancellation = default)
    {
        var run = ExperimentRun.Start(Files, experiment, measurement, options, cancellation);
        var events = new List<AuditEvent>();
        await foreach (var next in run.Events.ReadAllAsync(CancellationToken.None))
        {
            events.Add(next);
            watch?.Invoke(next);
        }
        return (await run.Report, events);
    }
}

/// <summary>An attack that goes on until it is stopped or a file appears.</summary>
public sealed record Patient : Attack
{
    /// <summary>The file; null does not wait.</summary>
    public string? Until { get; init; }

    protected override SearchResult Search(AttackRun run)
    {
        var iteration = 0;
        do
            run.See(new(0, iteration, 1, ++iteration, () => full(run.Context.ImagesShape, 0.5)));
        while (Until is not null && !File.Exists(Until) && !run.Stop.WaitHandle.WaitOne(2));
        var batch = run.Context.Observation.BatchSize;
        return new()
        {
            Images = full(run.Context.ImagesShape, 0.5),
            Labels = new(new int[batch].ToValueList(), Enumerable.Repeat(0.25, batch).ToValueList()),
            Objective = 1,
            RelativeMisfit = 1,
            Iterations = iteration,
            Evaluations = iteration,
        };
    }
}

/// <summary>An attack that shows one iterate and then does not listen.</summary>
public sealed record Deaf : Attack
{
    protected override SearchResult Search(AttackRun run)
    {
        run.See(new(0, 0, 1, 1, () => full(run.Context.ImagesShape, 0.5)));
        Thread.Sleep(TimeSpan.FromMinutes(1));
        throw new InvalidOperationException("Nobody stopped it.");
    }
}

/// <summary>A prior that ends the process: libtorch throws where TorchSharp does not catch.</summary>
public sealed record Aborting : Prior
{
    public override Func<PriorInput, Tensor> Bind(AttackContext context) => _ => ones(2, 3).matmul(ones(2, 3)).sum();
}

/// <summary>A prior with an error in its program.</summary>
public sealed record Exploding : Prior
{
    public override Func<PriorInput, Tensor> Bind(AttackContext context) => _ => throw new InvalidOperationException("boom");
}
