// An attack of your own: one record, one line. In a console project that references Afterimage.Cli, this file is the whole program:
//
//     dotnet run -- audit --model mlp2 --attack loudest-unit
//
// It says what it cannot read (Refusal), how labels are recovered (Rule), and looks for the images (Search). Running, timing, judging and
// the report are Afterimage's; the truth cannot be named here.
using Afterimage;
using Afterimage.Attacks;
using Afterimage.Cli;
using Afterimage.Federation;
using Afterimage.LabelRecovery;

return AfterimageApp.Run(args, Catalog.Standard.With<Attack, LoudestUnit>());

/// <summary>One image: the weight gradient of the first layer's loudest unit, divided by its bias gradient.</summary>
public sealed record LoudestUnit : Attack
{
    public override LabelRule? Rule => new Idlg();

    public override string? Refusal(AttackContext context) =>
        context.Observation.BatchSize != 1 ? "The loudest unit reads one image: lower the batch size, or use another attack."
        : context.Model.Layout.Entries is [{ Shape: [var units, var inputs] }, { Shape: [var biases] }, ..]
            && inputs == context.Model.Input.Count && biases == units ? null
        : "The loudest unit needs a first layer that is linear with a bias: use --model mlp, or another attack.";

    protected override SearchResult Search(AttackRun run)
    {
        var (weight, bias) = (run.Context.Observation.Update[0], run.Context.Observation.Update[1]);
        var unit = bias.abs().argmax().view(1);
        var input = weight.index_select(0, unit) / bias.index_select(0, unit).view(1, 1);
        return new() { Images = run.Context.Model.Denormalize(input.view(run.Context.ImagesShape)), Labels = run.Labels };
    }
}
