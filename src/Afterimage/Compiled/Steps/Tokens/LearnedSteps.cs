using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>y = w x with a learned factor w of each number, as many as differ.</summary>
internal sealed unsafe class LayerScaleStep<T>(T* parameters, Field<T> field, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int length = input.RowLength;
    private T* factors, directions, sums;

    public override void Allocate(Arena<T> arena)
    {
        factors = arena.Take(field.Length);
        directions = arena.Take(field.Length);
        sums = arena.Take(field.Length);
        field.Spread(parameters, factors);
    }

    public override void Forward()
    {
        for (var row = 0; row < input.Rows; row++)
            kernels.Times(output.Value + output.RowOffset(row), input.Value + input.RowOffset(row), factors + Place(row), length,
                add: false);
    }

    public override void Backward(T* gradient)
    {
        for (var row = 0; row < input.Rows; row++)
            kernels.Times(sums + Place(row), output.Adjoint + output.RowOffset(row), input.Value + input.RowOffset(row), length,
                add: row * length >= field.Length);
        field.Gather(sums, gradient);
        for (var row = 0; input.Learned && row < input.Rows; row++)
            kernels.Times(input.Adjoint + input.RowOffset(row), output.Adjoint + output.RowOffset(row), factors + Place(row), length,
                Adds(input));
    }

    public override void TangentForward(T* v)
    {
        if (v != null)
            field.Spread(v, directions);
        for (var row = 0; row < input.Rows; row++)
        {
            var to = output.Tangent + output.RowOffset(row);
            if (Moves(input, v))
                kernels.Times(to, input.Tangent + input.RowOffset(row), factors + Place(row), length, add: false);
            if (v != null)
                kernels.Times(to, input.Value + input.RowOffset(row), directions + Place(row), length, Moves(input, v));
        }
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        for (var row = 0; v == null && row < input.Rows; row++)
            kernels.TimesTwo(sums + Place(row), output.AdjointTangent + output.RowOffset(row), input.Value + input.RowOffset(row),
                output.Adjoint + output.RowOffset(row), input.Tangent + input.RowOffset(row), length, add: row * length >= field.Length);
        if (v == null)
            field.Gather(sums, gradient);
        for (var row = 0; Asked(input, v) && row < input.Rows; row++)
        {
            var to = input.AdjointTangent + input.RowOffset(row);
            kernels.Times(to, output.AdjointTangent + output.RowOffset(row), factors + Place(row), length, Adds(input));
            if (v != null)
                kernels.Times(to, output.Adjoint + output.RowOffset(row), directions + Place(row), length, add: true);
        }
    }

    private int Place(int row) => row * length % field.Length;
}

/// <summary>y = x + w with a learned term w of each number, as many as differ.</summary>
internal sealed unsafe class EmbeddingStep<T>(T* parameters, Field<T> field, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int length = input.RowLength;
    private T* terms, directions, sums;

    public override void Allocate(Arena<T> arena)
    {
        terms = arena.Take(field.Length);
        directions = arena.Take(field.Length);
        sums = arena.Take(field.Length);
        field.Spread(parameters, terms);
    }

    public override void Forward() => Add(input.Value, output.Value, terms, moves: true);

    public override void TangentForward(T* v)
    {
        if (v != null)
            field.Spread(v, directions);
        Add(input.Tangent, output.Tangent, v == null ? null : directions, Moves(input, v));
    }

    public override void Backward(T* gradient)
    {
        Sum(gradient, output.Adjoint);
        if (input.Learned)
            Return(output.Adjoint, input.Adjoint);
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (v == null)
            Sum(gradient, output.AdjointTangent);
        if (Asked(input, v))
            Return(output.AdjointTangent, input.AdjointTangent);
    }

    private void Add(T* from, T* to, T* added, bool moves)
    {
        for (var row = 0; row < input.Rows; row++)
        {
            var line = to + output.RowOffset(row);
            if (moves)
                kernels.Scale(line, T.One, from + input.RowOffset(row), length, add: false);
            if (added != null)
                kernels.Scale(line, T.One, added + Place(row), length, moves);
        }
    }

    private void Return(T* from, T* to)
    {
        for (var row = 0; row < input.Rows; row++)
            kernels.Scale(to + input.RowOffset(row), T.One, from + output.RowOffset(row), length, Adds(input));
    }

    private void Sum(T* gradient, T* adjoint)
    {
        for (var row = 0; row < input.Rows; row++)
            kernels.Scale(sums + Place(row), T.One, adjoint + output.RowOffset(row), length, add: row * length >= field.Length);
        field.Gather(sums, gradient);
    }

    private int Place(int row) => row * length % field.Length;
}

/// <summary>Learned tokens in front of others.</summary>
/// <param name="parameters">All parameters, flat.</param>
/// <param name="place">Where the tokens lie in them.</param>
/// <param name="input">[N,D].</param>
/// <param name="output">[K+N,D].</param>
internal sealed unsafe class ClassTokenStep<T>(T* parameters, long place, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int own = output.RowLength - input.RowLength;

    public override void Forward() => Join(input.Value, output.Value, parameters + place, moves: true);

    public override void TangentForward(T* v) => Join(input.Tangent, output.Tangent, v == null ? null : v + place, Moves(input, v));

    public override void Backward(T* gradient)
    {
        Sum(gradient, output.Adjoint);
        if (input.Learned)
            Return(output.Adjoint, input.Adjoint);
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (v == null)
            Sum(gradient, output.AdjointTangent);
        if (Asked(input, v))
            Return(output.AdjointTangent, input.AdjointTangent);
    }

    /// <summary>No tokens are zero, and no input is zero, in the tangent of what does not move.</summary>
    private void Join(T* from, T* to, T* tokens, bool moves)
    {
        for (var sample = 0; sample < input.Batch; sample++)
        {
            var line = to + output.Offset(sample, 0, 0);
            if (tokens == null)
                new Span<T>(line, own).Clear();
            else
                kernels.Scale(line, T.One, tokens, own, add: false);
            if (moves)
                kernels.Scale(line + own, T.One, from + input.Offset(sample, 0, 0), input.RowLength, add: false);
            else
                new Span<T>(line + own, input.RowLength).Clear();
        }
    }

    private void Return(T* from, T* to)
    {
        for (var sample = 0; sample < input.Batch; sample++)
            kernels.Scale(to + input.Offset(sample, 0, 0), T.One, from + output.Offset(sample, 0, 0) + own, input.RowLength, Adds(input));
    }

    private void Sum(T* gradient, T* adjoint)
    {
        for (var sample = 0; sample < input.Batch; sample++)
            kernels.Scale(gradient + place, T.One, adjoint + output.Offset(sample, 0, 0), own, add: sample > 0);
    }
}
