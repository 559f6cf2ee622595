using Afterimage.Federation;
using Afterimage.Networks;

namespace Afterimage.Starts;

/// <summary>
/// What a trained inverter makes of the update (Wu et al., 2023), for a search to refine. All restarts begin alike, so that more than one
/// is useless.
/// </summary>
[Cites("wu2023learning")]
public sealed record Learned : Start
{
    /// <summary>A file of "afterimage train inverter".</summary>
    public string? Inverter { get; init; }

    /// <inheritdoc/>
    public override bool IsTrained => true;

    /// <inheritdoc/>
    public override Tensor Draw(AttackContext context, RandomSource random)
    {
        using var inverter = Open();
        return inverter.Answer(context);
    }

    /// <inheritdoc/>
    public override Tensor? Imagine(int count, RandomSource random)
    {
        using var inverter = Open();
        return inverter.Imagine(count, random);
    }

    private Inverter Open() => Networks.Inverter.Load(Inverter ?? throw new AfterimageException(
        "The start \"learned\" needs a trained inverter: make one with \"afterimage train inverter\" and give its file as \"inverter\"."));
}
