using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>The pieces of a network with their parameters and gradients.</summary>
internal sealed class PieceReader
{
    private readonly VictimModel model;
    private readonly Observation observation;
    private readonly LayerStatistics? statistics;
    private readonly double factor;
    private readonly bool joint;

    /// <summary>Standard deviation of noise on every number of which the channel says nothing.</summary>
    private readonly double unsaid;

    /// <param name="context">The round.</param>
    /// <param name="joint">
    /// Whether the whole batch passes at once: in train mode BatchNorm then takes the statistics of what passes, and none need be known.
    /// </param>
    /// <exception cref="AfterimageException">In train mode nothing is known of the batch's statistics.</exception>
    public PieceReader(AttackContext context, bool joint = false)
    {
        (model, observation, this.joint) = (context.Model, context.Observation, joint);
        factor = observation.Training.GradientFactor(observation.BatchSize);
        if (observation.Training.Mode == ModelMode.Eval || joint)
            return;
        statistics = observation.StatisticsOf(model);
        if (statistics is null && model.Buffers.Count > 0)
            throw new AfterimageException(
                "In train mode the recursion needs the statistics of the batch: reveal them, or use \"rectified-matching\".");
    }

    /// <inheritdoc cref="PieceReader(AttackContext, bool)"/>
    public PieceReader(AttackContext context, ChainForm chain, bool joint = false)
        : this(context, joint) => unsaid = observation.BatchSize > 1 ? 0 : NoiseReading.Of(
            Gradient(chain.Linears[^1].Name + ".weight"), chain.Pieces.SelectMany(piece =>
                piece is UnitForm unit ? unit.All : [(BlockForm)piece])
            .Select(block => (block, Gradient(block.Conv.Name + ".weight"))));

    public RectifiedPiece Piece(PieceForm form) => form switch
    {
        BlockForm block => Block(block),
        UnitForm unit => new ResidualUnit(Block(unit.First), Block(unit.Second), unit.Padding,
            unit.Projection is { } projection ? Block(projection) : null) { Between = [.. unit.Between.Select(Block)] },
        _ => throw new InvalidOperationException($"{form.GetType().Name} is no piece."),
    };

    /// <summary>The linear layers behind pieces that leave so much.</summary>
    public LinearTail Tail(ChainForm chain)
    {
        var stages = chain.Linears.Select(linear => new Stage(linear, [linear.Input], [linear.Output], Value(linear.Name + ".weight"),
            linear.Bias ? Value(linear.Name + ".bias") : null, Gradient(linear.Name + ".weight"),
            linear.Bias ? Gradient(linear.Name + ".bias") : null)).ToList();
        return new(stages[..^1], stages[^1], chain.Adaptive is { } pool ? ChainForm.Spread(pool, chain.Pieces[^1].Leaving) : null);
    }

    private RectifiedBlock Block(BlockForm form)
    {
        var conv = form.Conv;
        var (scale, shift) = (ones([1, conv.Output, 1, 1], ScalarType.Float64), zeros([1, conv.Output, 1, 1], ScalarType.Float64));
        NormCoupling? coupling = null;
        GroupScaling? grouped = null;
        if (form.Groups is { } groups)
        {
            (scale, shift) = (Channels(Value(groups.Name + ".weight")), Channels(Value(groups.Name + ".bias")));
            grouped = GroupScaling.Of(groups.Groups, groups.Epsilon, form.Output[1] * form.Output[2], scale.view(-1),
                Gradient(groups.Name + ".weight"), Gradient(groups.Name + ".bias"));
        }
        if (form.Norm is { } own && joint && observation.Training.Mode == ModelMode.Train)
        {
            (scale, shift) = (Channels(Value(own.Name + ".weight")), Channels(Value(own.Name + ".bias")));
            grouped = GroupScaling.OfBatch(own.Epsilon, observation.BatchSize * form.Output[1] * form.Output[2], scale.view(-1),
                Gradient(own.Name + ".weight"), Gradient(own.Name + ".bias"));
        }
        else if (form.Norm is { } norm)
        {
            var (average, variance) = (statistics ?? LayerStatistics.Running(model))[norm.Name];
            var spread = Channels((variance + norm.Epsilon).sqrt());
            scale = Channels(Value(norm.Name + ".weight")) / spread;
            shift = Channels(Value(norm.Name + ".bias")) - Channels(average) * scale;
            if (statistics is not null)
            {
                var (factors, places) = (Channels(Value(norm.Name + ".weight")), form.Output[1] * form.Output[2]);
                coupling = new(Channels(average), spread, factors * Channels(Gradient(norm.Name + ".bias")) / places,
                    factors * Channels(Gradient(norm.Name + ".weight")) / places);
            }
        }
        return new(form, Value(conv.Name + ".weight"), conv.Bias ? Value(conv.Name + ".bias") : null,
            scale, shift, Gradient(conv.Name + ".weight"), coupling)
        {
            Noise = Noise(conv.Name + ".weight"), Group = grouped,
        };
    }

    /// <summary>Of a tensor's numbers, relative to them.</summary>
    private double Noise(string name)
    {
        var index = model.Layout.IndexOf(name);
        var sent = observation.Update;
        var deviation = observation.Channel.IsNoisy ? observation.Channel.Deviation(sent, index) / Math.Abs(factor) : unsaid;
        var level = Gradient(name).square().mean().sqrt().ToDouble();
        return level > 0 ? Math.Max(RectifiedBlock.Rounding, deviation / level) : RectifiedBlock.Rounding;
    }

    private Tensor Value(string name) => Own(model.Parameters[model.Layout.IndexOf(name)].detach());

    /// <summary>Of the mean loss.</summary>
    private Tensor Gradient(string name)
    {
        var sent = Own(observation.Update[model.Layout.IndexOf(name)]);
        return factor == 1 ? sent : sent / factor;
    }

    private static Tensor Channels(Tensor values) => Own(values).view(1, -1, 1, 1);

    private static Tensor Own(Tensor tensor) => tensor.to(ScalarType.Float64).cpu();
}
