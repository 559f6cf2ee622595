using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>
/// What clients would send of images, and what an inverter is given of it: updates are made when they are needed, behind the defense that
/// clients apply to the update of their whole batch, and never stored.
/// </summary>
internal sealed class UpdatePairs : IDisposable
{
    private static readonly FedSgd Training = new();
    private readonly Defense defense;
    private readonly List<(VictimModel Model, ForwardOperator? Compiled, UpdateReading Reading)> victims = [];

    /// <param name="models">One architecture with several weights, each as likely as the others; borrowed.</param>
    /// <param name="defense">What each client does to its update.</param>
    /// <param name="shape">The inverter that reads them.</param>
    public UpdatePairs(IEnumerable<VictimModel> models, Defense defense, InverterShape shape)
    {
        this.defense = defense;
        foreach (var model in models)
            victims.Add((model, Compiled(model), shape.Reading(model)));
    }

    /// <summary>Numbers of every part of what the inverter is given.</summary>
    public ValueList<int> Widths => victims[0].Reading.Widths;

    /// <summary>What the inverter is given of every batch, [N,sum of the widths]; the weights are drawn for each.</summary>
    /// <param name="images">[N,count,C,H,W] in [0,1].</param>
    /// <param name="labels">Classes, [N,count].</param>
    /// <param name="random">Of what clients draw.</param>
    public Tensor Of(Tensor images, Tensor labels, RandomSource random)
    {
        var first = victims[0].Model;
        var targets = nn.functional.one_hot(labels, first.Classes).to(first.Type);
        var drawn = random.Derive("weights").Managed();
        return stack([.. Enumerable.Range(0, (int)images.shape[0]).Select(i =>
        {
            var victim = victims[drawn.Next(victims.Count)];
            return Tidy.Keep(() => Sent(victim, new(images[i].to(first.Type), targets[i]), random.Derive("client", i)));
        })]);
    }

    private Tensor Sent((VictimModel Model, ForwardOperator? Compiled, UpdateReading Reading) victim, Batch batch, RandomSource random)
    {
        var update = victim.Compiled is null ? Training.Evaluate(victim.Model, batch) : victim.Compiled.At(batch).Value;
        foreach (var frozen in victim.Model.Frozen)
            update[victim.Model.Layout.IndexOf(frozen)].zero_();
        return victim.Reading.Of(defense.Protect(update, random, new(victim.Model, batch, Training)));
    }

    /// <summary>The gradient of one image; no timing decides, so that the same seed gives the same numbers.</summary>
    public static ForwardOperator Gradient(VictimModel model) => Compiled(model) ?? Training.Operator(model, 1, OperatorChoice.Autograd);

    private static ForwardOperator? Compiled(VictimModel model) =>
        Training.Obstacle(model) is null ? Training.Operator(model, 1, OperatorChoice.Compiled) : null;

    public void Dispose()
    {
        foreach (var (_, compiled, reading) in victims)
        {
            compiled?.Dispose();
            reading.Dispose();
        }
    }
}
