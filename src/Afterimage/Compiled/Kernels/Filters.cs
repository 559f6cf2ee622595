using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>
/// The two memory layouts of a convolution's weights: panels of output channels for the forward pass, rows of one tap's inputs
/// for the backward pass. A tap is a run of inputs that are contiguous in memory: a whole row of the window where there are
/// neither dilation nor groups, otherwise one pixel.
/// </summary>
internal sealed unsafe class Filters<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly Conv2d layer;
    private readonly bool wholeRows;

    public Filters(Conv2d layer, long weight, long bias)
    {
        this.layer = layer;
        wholeRows = layer is { Dilation: 1, Groups: 1 };
        (Weight, Bias) = (weight, bias);
        Inputs = layer.Input / layer.Groups;
        Outputs = layer.Output / layer.Groups;
        Taps = wholeRows ? layer.Kernel : layer.Kernel * layer.Kernel;
        Run = wholeRows ? layer.Kernel * Inputs : Inputs;
        OutputsPadded = kernels.Padded(Outputs);
        RunPadded = kernels.Padded(Run);
    }

    /// <summary>Index of the weight in the flat vector of parameters.</summary>
    public long Weight { get; }

    public long Bias { get; }

    public Conv2d Layer => layer;

    /// <summary>Inputs of one group.</summary>
    public int Inputs { get; }

    /// <summary>Outputs of one group.</summary>
    public int Outputs { get; }

    public int Taps { get; }

    /// <summary>Numbers of one tap.</summary>
    public int Run { get; }

    public int OutputsPadded { get; }

    public int RunPadded { get; }

    /// <summary>Numbers of one group in forward order.</summary>
    public int ForwardGroup => Taps * Run * OutputsPadded;

    /// <summary>Numbers of one output in backward order, tap after tap.</summary>
    public int BackwardRow => Taps * RunPadded;

    public int ForwardCount => layer.Groups * ForwardGroup;

    public int BackwardCount => layer.Output * BackwardRow;

    /// <summary>Offset of a tap from the pixel at the window's corner.</summary>
    public int TapOffset(int tap, Node<T> input) => wholeRows ? tap * input.Row
        : tap / layer.Kernel * layer.Dilation * input.Row + tap % layer.Kernel * layer.Dilation * input.Channels;

    /// <summary>Copies weights from PyTorch's order [O,I,Kh,Kw]; padding stays zero.</summary>
    public void Pack(T* parameters, T* forward, T* backward)
    {
        // Panel by panel: the second copy reads what the first has just written.
        for (var group = 0; group < layer.Groups; group++)
            for (var panel = 0; panel < Outputs; panel += 2 * kernels.Lanes)
            {
                var width = kernels.PanelWidth(OutputsPadded - panel);
                var (first, count) = (group * Outputs + panel, Math.Min(width, Outputs - panel));
                for (var output = first; output < first + count; output++)
                    for (var (tap, at) = (0, 0); tap < Taps; tap += TapsAtOnce, at += TapsAtOnce * Pixels)
                        kernels.Transpose(parameters + Weight + (long)output * Inputs * Area + at, Area,
                            backward + (long)output * BackwardRow + tap * RunPadded, Inputs, Inputs, TapsAtOnce * Pixels);
                for (var tap = 0; tap < Taps; tap++)
                    kernels.Transpose(backward + (long)first * BackwardRow + tap * RunPadded, BackwardRow,
                        forward + group * ForwardGroup + Taps * Run * panel + tap * Run * width, width, count, Run);
            }
    }

    /// <summary>Copies a gradient, [group, output padded to rows of four, tap, run padded], to PyTorch's order.</summary>
    public void Unpack(T* packed, int rowsPerGroup, T* gradient)
    {
        for (var output = 0; output < layer.Output; output++)
            for (var (tap, at) = (0, 0); tap < Taps; tap += TapsAtOnce, at += TapsAtOnce * Pixels)
                kernels.Transpose(packed + (long)(output / Outputs * rowsPerGroup + output % Outputs) * BackwardRow + tap * RunPadded,
                    Inputs,
                    gradient + Weight + (long)output * Inputs * Area + at, Area, TapsAtOnce * Pixels, Inputs);
    }

    private int Area => layer.Kernel * layer.Kernel;

    /// <summary>Pixels of one tap.</summary>
    private int Pixels => wholeRows ? layer.Kernel : 1;

    /// <summary>Taps that follow one another without padding.</summary>
    private int TapsAtOnce => Run == RunPadded ? Taps : 1;
}
