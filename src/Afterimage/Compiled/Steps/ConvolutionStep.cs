using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>Weights, or a direction in their space, in the memory layouts that a convolution reads.</summary>
internal readonly unsafe struct PackedFilters<T>(Arena<T> arena, Filters<T> filters) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T* Forward { get; } = arena.Take(filters.ForwardCount);

    public T* Backward { get; } = arena.Take(filters.BackwardCount);

    /// <summary>Group by group, padded to whole vectors; null where the layer has no bias.</summary>
    public T* Bias { get; } = filters.Layer.Bias ? arena.Take(filters.Layer.Groups * filters.OutputsPadded) : null;

    public void Load(T* parameters)
    {
        filters.Pack(parameters, Forward, Backward);
        if (Bias != null)
            for (var output = 0; output < filters.Layer.Output; output++)
                Bias[output / filters.Outputs * filters.OutputsPadded + output % filters.Outputs] = parameters[filters.Bias + output];
    }
}

/// <summary>
/// A convolution as matrix products over windows that are read in place, without im2col copies. The two products of a tangent
/// (weights with the input's tangent, the weights' tangent with the input) are one product with twice as many taps.
/// </summary>
internal sealed unsafe class ConvolutionStep<T>(Filters<T> filters, PackedFilters<T> weights, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Bytes of the first-level cache for the operands of a tile that the next tile uses again.</summary>
    private const int CacheBytes = 32 << 10;
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int taps = filters.Taps;
    private readonly int groups = filters.Layer.Groups;
    private readonly int gradientRows = (filters.Outputs + 3) / 4 * 4;
    private PackedFilters<T> direction;
    private Table windows, places, scatterFrom, scatterTo, channels, gradientPlaces;
    private T* packedGradient;
    private T* biasRow;
    private Writing writing;

    private readonly struct Table(int* entries, int count)
    {
        public int* Entries { get; } = entries;

        public int Count { get; } = count;
    }

    public override void Allocate(Arena<T> arena)
    {
        direction = new(arena, filters);
        packedGradient = arena.Take((long)groups * gradientRows * taps * filters.RunPadded);
        biasRow = arena.Take(output.RowLength);
        var (stride, padding) = (filters.Layer.Stride, filters.Layer.Padding);
        int Corner(int b, int y, int x) => input.Offset(b, y * stride - padding, x * stride - padding);

        var inOrder = (from b in Enumerable.Range(0, output.Batch)
                       from y in Enumerable.Range(0, output.Height)
                       from x in Enumerable.Range(0, output.Width)
                       select (From: Corner(b, y, x), To: output.Offset(b, y, x))).ToList();
        windows = Padded(arena, inOrder.Select(place => place.From), null);
        places = Padded(arena, inOrder.Select(place => place.To), output.Beyond);

        // Column by column: the windows of one tile must not overlap, or each addition would wait for the one before.
        var spread = (from x in Enumerable.Range(0, output.Width)
                      from b in Enumerable.Range(0, output.Batch)
                      from y in Enumerable.Range(0, output.Height)
                      select (From: output.Offset(b, y, x), To: Corner(b, y, x))).ToList();
        scatterFrom = Padded(arena, spread.Select(place => place.From), output.Beyond);
        scatterTo = Padded(arena, spread.Select(place => place.To), null);

        channels = Padded(arena, Enumerable.Range(0, filters.Outputs), null);
        gradientPlaces = Padded(arena, Enumerable.Range(0, gradientRows).Select(row => row * taps * filters.RunPadded), null);

        var whole = filters.Outputs == filters.OutputsPadded;
        var inSequence = groups == 1 && filters.OutputsPadded <= 2 * kernels.Lanes && output.Ring == 0;
        writing = whole || inSequence ? Writing.Over : Writing.Within;
    }

    private static Table Padded(Arena<T> arena, IEnumerable<int> entries, int? filler)
    {
        var list = entries.ToList();
        var last = filler ?? list[^1];
        while (list.Count % 4 != 0)
            list.Add(last);
        return new(arena.TakeTable(list.ToArray()), list.Count);
    }

    public override void Forward()
    {
        var pair = new Segment<T>(input.Value, weights.Forward);
        Correlate(&pair, 1, weights.Bias, output.Value);
    }

    public override void TangentForward(T* v)
    {
        var pairs = stackalloc Segment<T>[2];
        var count = 0;
        if (Moves(input, v))
            pairs[count++] = new(input.Tangent, weights.Forward);
        if (v != null)
        {
            direction.Load(v);
            pairs[count++] = new(input.Value, direction.Forward);
        }
        Correlate(pairs, count, v != null ? direction.Bias : null, output.Tangent);
    }

    /// <summary>Windows times filters, summed over pairs of images and filters.</summary>
    private void Correlate(Segment<T>* pairs, int count, T* bias, T* to)
    {
        var segments = stackalloc Segment<T>[count * taps];
        var product = new Product<T>
        {
            Inner = filters.Run, StepA = 1, RowsA = windows.Entries, RowsC = places.Entries, Rows = windows.Count,
        };
        for (var group = 0; group < groups; group++)
            for (var panel = 0; panel < filters.OutputsPadded; panel += 2 * kernels.Lanes)
            {
                var width = kernels.PanelWidth(filters.OutputsPadded - panel);
                var packed = group * filters.ForwardGroup + taps * filters.Run * panel;
                for (var pair = 0; pair < count; pair++)
                    for (var tap = 0; tap < taps; tap++)
                        segments[pair * taps + tap] = new(pairs[pair].A + group * filters.Inputs + filters.TapOffset(tap, input),
                            pairs[pair].B + packed + tap * filters.Run * width);
                product.StepB = width;
                product.Columns = Math.Min(filters.Outputs - panel, width);
                product.C = to + group * filters.Outputs + panel;
                var perBlock = Math.Max(1, CacheBytes / (filters.Run * width * sizeof(T)));
                for (var first = 0; first < count * taps; first += perBlock)
                {
                    product.Segments = segments + first;
                    product.SegmentCount = Math.Min(perBlock, count * taps - first);
                    product.Start = bias == null || first > 0 ? null : bias + group * filters.OutputsPadded + panel;
                    product.Writing = first == 0 ? writing : Writing.Add;
                    kernels.Multiply(product);
                }
            }
    }

    public override void Backward(T* gradient)
    {
        Gradient(gradient, output.Adjoint, input.Value, null, null);
        if (!input.Learned)
            return;
        var segment = new Segment<T>(output.Adjoint, weights.Backward);
        Scatter(&segment, 1, input.Adjoint);
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (v == null)
            Gradient(gradient, output.AdjointTangent, input.Value, output.Adjoint, input.Tangent);
        if (!Asked(input, v))
            return;
        var segments = stackalloc Segment<T>[] { new(output.AdjointTangent, weights.Backward), new(output.Adjoint, direction.Backward) };
        Scatter(segments, v != null ? 2 : 1, input.AdjointTangent);
    }

    private void Scatter(Segment<T>* segments, int count, T* to)
    {
        if (!Adds(input))
            input.Clear(to);
        var product = new Product<T>
        {
            Segments = segments, SegmentCount = count, Inner = filters.Outputs, StepA = 1, StepB = filters.BackwardRow,
            RowsA = scatterFrom.Entries, RowsC = scatterTo.Entries, Rows = scatterFrom.Count, Writing = Writing.Add,
        };
        for (var group = 0; group < groups; group++)
            for (var tap = 0; tap < taps; tap++)
                for (var panel = 0; panel < filters.RunPadded; panel += 2 * kernels.Lanes)
                {
                    product.Columns = kernels.PanelWidth(filters.RunPadded - panel);
                    product.ShiftA = group * filters.Outputs;
                    product.ShiftB = group * filters.Outputs * filters.BackwardRow + tap * filters.RunPadded + panel;
                    product.C = to + filters.TapOffset(tap, input) + group * filters.Inputs + panel;
                    kernels.Multiply(product);
                }
    }

    /// <summary>Sum over positions of adjoint times window; with a second pair, the sum of both products.</summary>
    private void Gradient(T* gradient, T* adjoint, T* value, T* secondAdjoint, T* secondValue)
    {
        var pairs = secondAdjoint == null ? 1 : 2;
        var rowBytes = pairs * output.Width * (output.Channels + filters.Layer.Stride * filters.Layer.Stride * input.Channels) * sizeof(T);
        var rowsPerBlock = Math.Clamp(CacheBytes / rowBytes, 1, output.Rows);
        var segments = stackalloc Segment<T>[pairs * rowsPerBlock];
        var product = new Product<T>
        {
            Segments = segments, Inner = output.Width, StepA = output.Channels, StepB = filters.Layer.Stride * input.Channels,
            RowsA = channels.Entries, RowsC = gradientPlaces.Entries, Rows = channels.Count,
        };
        for (var begin = 0; begin < output.Rows; begin += rowsPerBlock)
        {
            var rows = Math.Min(rowsPerBlock, output.Rows - begin);
            for (var row = 0; row < rows; row++)
            {
                var from = windows.Entries[(begin + row) * output.Width];
                var at = output.RowOffset(begin + row);
                segments[row] = new(adjoint + at, value + from);
                if (pairs == 2)
                    segments[rows + row] = new(secondAdjoint + at, secondValue + from);
            }
            product.SegmentCount = pairs * rows;
            product.Writing = begin == 0 ? Writing.Over : Writing.Add;
            for (var group = 0; group < groups; group++)
                for (var tap = 0; tap < taps; tap++)
                    for (var panel = 0; panel < filters.RunPadded; panel += 2 * kernels.Lanes)
                    {
                        product.Columns = kernels.PanelWidth(filters.RunPadded - panel);
                        product.ShiftA = group * filters.Outputs;
                        product.ShiftB = filters.TapOffset(tap, input) + group * filters.Inputs + panel;
                        product.C = packedGradient + (group * gradientRows * taps + tap) * filters.RunPadded + panel;
                        kernels.Multiply(product);
                    }
        }
        filters.Unpack(packedGradient, gradientRows, gradient);
        if (filters.Layer.Bias)
            ChannelSums.Sum(kernels, output, adjoint, biasRow, gradient + filters.Bias);
    }
}
