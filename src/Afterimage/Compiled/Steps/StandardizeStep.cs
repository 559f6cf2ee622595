using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// y = weight n + bias with n = (x - mean) / deviation, where mean and deviation are those of x itself over sets of numbers: every image's
/// groups of channels (GroupNorm), every channel of the whole batch (BatchNorm in train mode), or every token (LayerNorm).
/// </summary>
/// <remarks>
/// With g = weight times the adjoint and E the mean over a set, the adjoint of x is (g - E[g] - n E[g n]) / deviation. Statistics of a
/// set stand in rows of pixels, each number where the pixels' numbers of its set stand, so that every pass is over whole rows.
/// </remarks>
internal sealed unsafe class StandardizeStep<T>(T* parameters, Field<T> weight, Field<T> bias, Sets sets, double epsilon,
    Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int length = input.RowLength;
    private readonly int rows = sets.Rows;
    private readonly int blocks = input.Rows / sets.Rows;
    private T* normalized, change;
    private T* weights, biases, directionWeights, directionBiases, weightSums, biasSums;
    private T* inverse, slope, ones, shift, first, second, third, row, means;

    public override void Allocate(Arena<T> arena)
    {
        normalized = arena.Take((long)input.Rows * length);
        change = arena.Take((long)input.Rows * length);
        inverse = arena.Take((long)blocks * length);
        slope = arena.Take((long)blocks * length);
        weights = arena.Take(weight.Length);
        biases = arena.Take(weight.Length);
        directionWeights = arena.Take(weight.Length);
        directionBiases = arena.Take(weight.Length);
        weightSums = arena.Take(weight.Length);
        biasSums = arena.Take(weight.Length);
        ones = arena.Take(length);
        shift = arena.Take(length);
        first = arena.Take(length);
        second = arena.Take(length);
        third = arena.Take(length);
        row = arena.Take(length);
        means = arena.Take(input.Width);
        new Span<T>(ones, length).Fill(T.One);
        new Span<T>(weights, weight.Length).Fill(T.One);
        Spread(parameters, weights, biases);
    }

    private void Spread(T* from, T* toWeights, T* toBiases)
    {
        weight.Spread(from, toWeights);
        bias.Spread(from, toBiases);
    }

    public override void Forward()
    {
        for (var block = 0; block < blocks; block++)
        {
            var scale = inverse + block * length;
            for (var r = 0; r < rows; r++)
                kernels.Scale(shift, T.One, At(input, input.Value, block, r), length, add: r > 0);
            Mean(shift);
            Negate(shift);
            for (var r = 0; r < rows; r++)
            {
                var n = Local(normalized, block, r);
                kernels.TimesTwo(n, At(input, input.Value, block, r), ones, shift, ones, length, add: false);
                kernels.Times(scale, n, n, length, add: r > 0);
            }
            Mean(scale);
            for (var i = 0; i < length; i++)
                scale[i] = T.One / T.Sqrt(scale[i] + T.CreateTruncating(epsilon));
            for (var r = 0; r < rows; r++)
            {
                var n = Local(normalized, block, r);
                kernels.Times(n, n, scale, length, add: false);
                kernels.TimesTwo(At(output, output.Value, block, r), n, Own(weights, block, r), Own(biases, block, r), ones, length,
                    add: false);
            }
        }
    }

    public override void Backward(T* gradient)
    {
        WeightGradient(gradient, output.Adjoint, moves: false);
        for (var block = 0; input.Learned && block < blocks; block++)
        {
            for (var r = 0; r < rows; r++)
            {
                kernels.Times(row, At(output, output.Adjoint, block, r), Own(weights, block, r), length, add: false);
                kernels.Scale(first, T.One, row, length, add: r > 0);
                kernels.Times(second, row, Local(normalized, block, r), length, add: r > 0);
            }
            Mean(first);
            Mean(second);
            for (var r = 0; r < rows; r++)
            {
                kernels.Times(row, At(output, output.Adjoint, block, r), Own(weights, block, r), length, add: false);
                Center(row, Local(normalized, block, r));
                kernels.Times(At(input, input.Adjoint, block, r), row, inverse + block * length, length, Adds(input));
            }
        }
    }

    public override void TangentForward(T* v)
    {
        if (v != null)
            Spread(v, directionWeights, directionBiases);
        for (var block = 0; block < blocks; block++)
        {
            if (Moves(input, v))
                Change(block);
            for (var r = 0; r < rows; r++)
            {
                var to = At(output, output.Tangent, block, r);
                if (Moves(input, v))
                    kernels.Times(to, Local(change, block, r), Own(weights, block, r), length, add: false);
                if (v != null)
                    kernels.TimesTwo(to, Local(normalized, block, r), Own(directionWeights, block, r), Own(directionBiases, block, r), ones,
                        length, Moves(input, v));
            }
        }
    }

    /// <summary>The tangent of n, and E[n dx] / deviation, which is minus the relative change of 1 / deviation.</summary>
    private void Change(int block)
    {
        T* scale = inverse + block * length, bent = slope + block * length;
        for (var r = 0; r < rows; r++)
        {
            var dx = At(input, input.Tangent, block, r);
            kernels.Scale(first, T.One, dx, length, add: r > 0);
            kernels.Times(second, dx, Local(normalized, block, r), length, add: r > 0);
        }
        Mean(first);
        Mean(second);
        kernels.Times(bent, second, scale, length, add: false);
        for (var r = 0; r < rows; r++)
        {
            var dn = Local(change, block, r);
            kernels.Scale(dn, T.One, At(input, input.Tangent, block, r), length, add: false);
            Center(dn, Local(normalized, block, r));
            kernels.Times(dn, dn, scale, length, add: false);
        }
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        var moves = Moves(input, v);
        if (v == null)
            WeightGradient(gradient, output.AdjointTangent, moves);
        for (var block = 0; Asked(input, v) && block < blocks; block++)
        {
            // The tangents of E[g] and E[g n], whose own values the last term and the change of n need.
            for (var r = 0; r < rows; r++)
            {
                T* n = Local(normalized, block, r), dn = Local(change, block, r);
                DirectionOfG(v, block, r);
                kernels.Scale(first, T.One, row, length, add: r > 0);
                kernels.Times(second, row, n, length, add: r > 0);
                if (!moves)
                    continue;
                kernels.Times(row, At(output, output.Adjoint, block, r), Own(weights, block, r), length, add: false);
                kernels.Times(second, row, dn, length, add: true);
                kernels.Times(third, row, n, length, add: r > 0);
                kernels.Scale(shift, T.One, row, length, add: r > 0);
            }
            Mean(first);
            Mean(second);
            if (moves)
            {
                Mean(third);
                Mean(shift);
            }
            for (var r = 0; r < rows; r++)
                Bend(v, block, r, moves);
        }
    }

    /// <summary>Writes the tangent of the adjoint of one row of x.</summary>
    private void Bend(T* v, int block, int r, bool moves)
    {
        T* n = Local(normalized, block, r), dn = Local(change, block, r), scale = inverse + block * length, bent = slope + block * length;
        var to = At(input, input.AdjointTangent, block, r);
        DirectionOfG(v, block, r);
        for (var i = 0; i < length; i++)
            row[i] -= first[i] + n[i] * second[i];
        if (moves)
        {
            T* adjoint = At(output, output.Adjoint, block, r), own = Own(weights, block, r);
            for (var i = 0; i < length; i++)
                row[i] -= dn[i] * third[i] + bent[i] * (adjoint[i] * own[i] - shift[i] - n[i] * third[i]);
        }
        kernels.Times(to, row, scale, length, Adds(input));
    }

    /// <summary>Writes the tangent of g = weight times the adjoint into the scratch row.</summary>
    private void DirectionOfG(T* v, int block, int r)
    {
        kernels.Times(row, At(output, output.AdjointTangent, block, r), Own(weights, block, r), length, add: false);
        if (v != null)
            kernels.Times(row, At(output, output.Adjoint, block, r), Own(directionWeights, block, r), length, add: true);
    }

    /// <summary>line -= first + n second.</summary>
    private void Center(T* line, T* n)
    {
        for (var i = 0; i < length; i++)
            line[i] -= first[i] + n[i] * second[i];
    }

    /// <summary>Replaces every number of a row of sums by the mean of its set.</summary>
    private void Mean(T* sums)
    {
        var channels = input.Channels / sets.Groups;
        if (sets.IsOfPixels)
        {
            kernels.Dot(means, 1, sums, channels, ones, channels, input.Width, 1, channels, add: false);
            for (var x = 0; x < input.Width; x++)
                new Span<T>(sums + x * channels, channels).Fill(means[x] / T.CreateTruncating(channels));
            return;
        }
        var share = T.One / T.CreateTruncating((long)rows * input.Width * channels);
        for (var group = 0; group < sets.Groups; group++)
        {
            var sum = T.Zero;
            for (var x = 0; x < input.Width; x++)
                for (var channel = 0; channel < channels; channel++)
                    sum += sums[x * input.Channels + group * channels + channel];
            for (var x = 0; x < input.Width; x++)
                new Span<T>(sums + x * input.Channels + group * channels, channels).Fill(sum * share);
        }
    }

    private void Negate(T* line)
    {
        for (var i = 0; i < length; i++)
            line[i] = -line[i];
    }

    /// <summary>
    /// Sums of adjoint times n for the weight and of adjoint for the bias; where x moves, of adjoint times the change of n too.
    /// </summary>
    private void WeightGradient(T* gradient, T* adjoint, bool moves)
    {
        for (var r = 0; weight.Exists && r < output.Rows; r++)
        {
            var (place, add) = (r * length % weight.Length, r * length >= weight.Length);
            kernels.Times(weightSums + place, adjoint + output.RowOffset(r), normalized + r * length, length, add);
            if (moves)
                kernels.Times(weightSums + place, output.Adjoint + output.RowOffset(r), change + r * length, length, add: true);
            kernels.Scale(biasSums + place, T.One, adjoint + output.RowOffset(r), length, add);
        }
        weight.Gather(weightSums, gradient);
        bias.Gather(biasSums, gradient);
    }

    /// <summary>What the parameters' numbers are for a row of pixels.</summary>
    private T* Own(T* values, int block, int r) => values + (block * rows + r) * length % weight.Length;

    private T* At(Node<T> node, T* values, int block, int r) => values + node.RowOffset(block * rows + r);

    private T* Local(T* values, int block, int r) => values + (block * rows + r) * length;
}

/// <summary>Which numbers share a mean and a deviation.</summary>
/// <param name="Rows">Rows of pixels that are taken together: one, those of an image, or those of the batch.</param>
/// <param name="Groups">Groups of channels that are taken apart.</param>
/// <param name="IsOfPixels">Whether every pixel of a row is a set of its own, with all of its channels.</param>
internal sealed record Sets(int Rows, int Groups, bool IsOfPixels = false);
