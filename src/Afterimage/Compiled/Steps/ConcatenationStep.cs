using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>The channels of all parts, one after the other.</summary>
internal sealed unsafe class ConcatenationStep<T>(Node<T>[] parts, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;

    public override void Forward()
    {
        for (var (part, channel) = (0, 0); part < parts.Length; channel += parts[part++].Channels)
            Copy(parts[part], parts[part].Value, output.Value, channel);
    }

    public override void Backward(T* gradient)
    {
        for (var (part, channel) = (0, 0); part < parts.Length; channel += parts[part++].Channels)
            if (parts[part].Learned)
                CopyBack(output.Adjoint, parts[part], parts[part].Adjoint, channel, Adds(part));
    }

    public override void TangentForward(T* v)
    {
        for (var (part, channel) = (0, 0); part < parts.Length; channel += parts[part++].Channels)
            if (Moves(parts[part], v))
                Copy(parts[part], parts[part].Tangent, output.Tangent, channel);
            else
                Clear(parts[part], channel);
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        for (var (part, channel) = (0, 0); part < parts.Length; channel += parts[part++].Channels)
            if (Asked(parts[part], v))
                CopyBack(output.AdjointTangent, parts[part], parts[part].AdjointTangent, channel, Adds(part));
    }

    /// <summary>Whether another step, or an earlier part that is the same node, has already written the part's adjoint.</summary>
    private bool Adds(int part) => Adds(parts[part]) || Array.IndexOf(parts, parts[part]) < part;

    private void Copy(Node<T> part, T* from, T* to, int channel)
    {
        for (var row = 0; row < part.Rows; row++)
            for (var x = 0; x < part.Width; x++)
                kernels.Scale(to + Place(row, x, channel), T.One, from + part.RowOffset(row) + x * part.Channels, part.Channels,
                    add: false);
    }

    private void CopyBack(T* from, Node<T> part, T* to, int channel, bool add)
    {
        for (var row = 0; row < part.Rows; row++)
            for (var x = 0; x < part.Width; x++)
                kernels.Scale(to + part.RowOffset(row) + x * part.Channels, T.One, from + Place(row, x, channel), part.Channels, add);
    }

    /// <summary>Sets the tangent of a part that does not move to zero, for a pushforward may have left another one there.</summary>
    private void Clear(Node<T> part, int channel)
    {
        for (var row = 0; row < part.Rows; row++)
            for (var x = 0; x < part.Width; x++)
                new Span<T>(output.Tangent + Place(row, x, channel), part.Channels).Clear();
    }

    private int Place(int row, int x, int channel) => output.RowOffset(row) + x * output.Channels + channel;
}
