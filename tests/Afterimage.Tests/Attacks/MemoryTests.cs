using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

/// <summary>What does not fit into memory is refused before it is begun.</summary>
public class MemoryTests
{
    [Fact]
    public void What_fits_is_run_and_what_does_not_is_told_with_both_sizes()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new Mlp { Depth = 2, Width = 8 });
        Assert.Null(new GaussNewton { Labels = new Given() }.Reason(scene.Context));
        Assert.Contains("GB are free", FreeMemory.Lack(1L << 50)!, StringComparison.Ordinal);
        Assert.InRange(FreeMemory.Bytes(), 1L << 26, 1L << 46);
    }
}
