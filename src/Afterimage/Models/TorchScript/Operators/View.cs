namespace Afterimage.Models.TorchScript;

/// <summary>Some numbers along one dimension of an activation: Size of them, Stride apart. Dimension 0 is the batch.</summary>
internal readonly record struct Axis(int Source, long Stride, long Size);

/// <summary>
/// An activation whose dimensions were split, joined, reordered or cut, as attention does it: every dimension of the view is a list of
/// axes of the activation, the slowest first.
/// </summary>
internal sealed class View
{
    private readonly Axis[][] dimensions;

    /// <summary>Of every dimension of the activation, the index at which the view begins.</summary>
    private readonly long[] first;

    private View(Flow flow, IEnumerable<IEnumerable<Axis>> dimensions, long[] first, double factor = 1)
    {
        (Flow, this.first, Factor) = (flow, first, factor);
        this.dimensions = [.. dimensions.Select(Merged)];
    }

    public Flow Flow { get; }

    /// <summary>What all numbers are multiplied with.</summary>
    public double Factor { get; }

    public static View Of(Flow flow) => new(flow,
        [[new(0, 1, ScriptOperators.Batch)], .. flow.Shape.Select((size, i) => new[] { new Axis(i + 1, 1, size) })],
        new long[flow.Shape.Length + 1]);

    public long[] Sizes => [.. dimensions.Select(Size)];

    private static long Size(Axis[] axes) => axes.Aggregate(1L, (product, axis) => checked(product * axis.Size));

    /// <summary>Without axes of one number, and with axes joined that follow one another.</summary>
    private static Axis[] Merged(IEnumerable<Axis> axes)
    {
        var merged = new List<Axis>();
        foreach (var axis in axes.Where(axis => axis.Size != 1))
            if (merged is [.., var last] && last.Source == axis.Source && last.Stride == axis.Stride * axis.Size)
                merged[^1] = axis with { Size = last.Size * axis.Size };
            else
                merged.Add(axis);
        return [.. merged];
    }

    private int Place(long dimension) => dimension < 0 ? (int)dimension + dimensions.Length : (int)dimension;

    public View Times(double factor) => new(Flow, dimensions, first, Factor * factor);

    public View Permuted(long[] order) => order.Select(Place).Order().SequenceEqual(Enumerable.Range(0, dimensions.Length))
        ? new(Flow, order.Select(dimension => dimensions[Place(dimension)]), first, Factor)
        : throw new UnreadableScriptException("it permutes other dimensions than an activation has");

    public View Transposed(long one, long other)
    {
        var order = Enumerable.Range(0, dimensions.Length).Select(i => (long)i).ToArray();
        (order[Place(one)], order[Place(other)]) = (order[Place(other)], order[Place(one)]);
        return Permuted(order);
    }

    public View Unsqueezed(long dimension)
    {
        var changed = dimensions.ToList();
        changed.Insert(dimension < 0 ? (int)dimension + dimensions.Length + 1 : (int)dimension, []);
        return new(Flow, changed, first, Factor);
    }

    public View Squeezed(long dimension) =>
        dimensions[Place(dimension)].Length > 0 ? this : new(Flow, dimensions.Where((_, i) => i != Place(dimension)), first, Factor);

    public View Flattened(long start, long end)
    {
        var (from, to) = (Place(start), Place(end));
        return new(Flow, [.. dimensions[..from], dimensions[from..(to + 1)].SelectMany(axes => axes), .. dimensions[(to + 1)..]], first,
            Factor);
    }

    /// <summary>The same numbers in the same order under other sizes, one of which may be -1.</summary>
    public View Reshaped(long[] sizes)
    {
        var all = Sizes.Aggregate(1L, (product, size) => checked(product * size));
        var given = sizes.Where(size => size != -1).Aggregate(1L, (product, size) => checked(product * size));
        var waiting = new Stack<Axis>(dimensions.SelectMany(axes => axes).Reverse());
        var regrouped = new List<List<Axis>>();
        foreach (var size in sizes)
        {
            var axes = new List<Axis>();
            for (var left = size == -1 && given > 0 ? all / given : size; left != 1;)
            {
                if (!waiting.TryPop(out var axis) || left <= 0 || (left % axis.Size != 0 && axis.Size % left != 0))
                    throw new UnreadableScriptException($"it reshapes an activation to [{string.Join(",", sizes)}], which does not keep " +
                        "its dimensions apart");
                if (axis.Size > left)
                {
                    var inner = axis.Size / left;
                    waiting.Push(axis with { Size = inner });
                    axis = axis with { Stride = axis.Stride * inner, Size = left };
                }
                axes.Add(axis);
                left /= axis.Size;
            }
            regrouped.Add(axes);
        }
        return waiting.Count == 0 ? new(Flow, regrouped, first, Factor)
            : throw new UnreadableScriptException($"it reshapes an activation of other size to [{string.Join(",", sizes)}]");
    }

    /// <summary>The numbers at one index of a dimension, which goes.</summary>
    public View Selected(long dimension, long index)
    {
        var place = Place(dimension);
        var size = Size(dimensions[place]);
        var cut = Narrowed(dimension, index < 0 ? index + size : index, 1);
        return new(Flow, cut.dimensions.Where((_, i) => i != place), cut.first, Factor);
    }

    public View Narrowed(long dimension, long from, long count)
    {
        var axes = dimensions[Place(dimension)];
        var size = Size(axes);
        if (from < 0 || count < 1 || from + count > size)
            throw new UnreadableScriptException("it takes numbers past the end of an activation");
        if (count == size)
            return this;
        if (axes is not [var axis] || axis.Source == 0)
            throw new UnreadableScriptException("it takes a part of several dimensions at once");
        long[] begin = [.. first];
        begin[axis.Source] += from * axis.Stride;
        return new(Flow, dimensions.Select((other, i) => i == Place(dimension) ? [axis with { Size = count }] : other), begin, Factor);
    }

    /// <summary>Equal parts of a dimension.</summary>
    public List<object?> Parts(long dimension, long size)
    {
        var whole = Sizes[Place(dimension)];
        return size > 0 && whole % size == 0
            ? [.. Enumerable.Range(0, (int)(whole / size)).Select(i => Narrowed(dimension, i * size, size).Reading())]
            : throw new UnreadableScriptException("it cuts an activation into unequal parts");
    }

    /// <summary>The whole activation where that is what the view shows, else the view.</summary>
    public object Reading() => (object?)Settled() ?? this;

    /// <summary>Why an operator is not read here.</summary>
    public UnreadableScriptException Unusual(string name) => new(Factor == 1
        ? $"{name} is applied to an activation in an order of dimensions that no layer has"
        : $"{name} is applied to an activation times a number");

    /// <summary>The activation in an order that layers know; null where there is none.</summary>
    public Flow? Settled()
    {
        if (Factor != 1 || dimensions is not [[{ Source: 0, Size: ScriptOperators.Batch }], ..])
            return null;
        var shown = dimensions[1..];
        if (Shows(shown, [.. Enumerable.Range(1, Flow.Shape.Length).Select(source => new[] { source })]))
            return Flow;
        return Flow.Shape switch
        {
            [_, _, _] => Shows(shown, [[1, 2, 3]]) ? Flow.Then(new Flatten())
                : Shows(shown, [[2, 3], [1]]) ? Flow.Then(new ImageToTokens()) : null,
            [var tokens, _] => Shows(shown, [[1, 2]]) ? Flow.Then(new Flatten())
                : shown is [var channels, var rows, var columns] && Shows([channels, [.. rows, .. columns]], [[2], [1]])
                    ? Flow.Then(new TokensToImage((int)Size(rows), (int)Size(columns)))
                : Range(shown) is var (from, count) && count < tokens
                    ? Of(Flow.Then(new TokenRange((int)from, (int)count))).Reshaped([ScriptOperators.Batch, .. Sizes[1..]]).Settled()
                : null,
            [_] => shown.Length == 3 && Shows([shown[0]], [[1]]) && Size(shown[1]) * Size(shown[2]) == 1
                ? Flow.Then(new TokensToImage(1, 1)) : null,
            _ => null,
        };
    }

    /// <summary>Which tokens are shown, with all of their features; null where it is not that.</summary>
    private (long From, long Count)? Range(Axis[][] shown)
    {
        Axis[] all = [.. shown.SelectMany(axes => axes)];
        var tokens = all is [{ Source: 1, Stride: 1 } range, ..] ? range.Size : 1;
        return first[2] == 0 && Merged(all.Where(axis => axis.Source == 2)).SequenceEqual(Whole(2))
            && all.Length - Whole(2).Length == (tokens == 1 ? 0 : 1) ? (first[1], tokens) : null;
    }

    private Axis[] Whole(int source) => Merged([new(source, 1, Flow.Shape[source - 1])]);

    /// <summary>Whether the dimensions are whole ones of the activation, in this order.</summary>
    private bool Shows(Axis[][] shown, int[][] sources) => first.All(index => index == 0) && shown.Length == sources.Length
        && shown.Zip(sources).All(pair => Merged(pair.First).SequenceEqual(pair.Second.SelectMany(Whole)));

    /// <summary>The view of another activation that was computed number by number from this one's.</summary>
    public View Mapped(Layer layer) => Factor == 1 && IsWhole ? new(Flow.Then(layer), dimensions, first)
        : throw new UnreadableScriptException("it computes with a part of an activation");

    private bool IsWhole => Sizes.Aggregate(1L, (product, size) => checked(product * size))
        == Flow.Shape.Aggregate(ScriptOperators.Batch, (product, size) => checked(product * size));

    /// <summary>A layer on the last dimension, which holds all features of a token or all channels of a pixel.</summary>
    public View Then(Layer layer, string name)
    {
        var tokens = AsTokens();
        if (tokens is not { Factor: 1, Flow.Shape.Length: 2 } || tokens.first[2] != 0
            || !tokens.dimensions[^1].SequenceEqual(tokens.Whole(2)))
            throw new UnreadableScriptException($"{name} works on something other than the channels or features");
        var after = tokens.Flow.Then(layer);
        return new(after, [.. tokens.dimensions[..^1], [new(2, 1, after.Shape[1])]], tokens.first);
    }

    /// <summary>The same view of an image whose pixels are tokens.</summary>
    public View AsTokens()
    {
        if (Flow.Shape is not [_, _, var width])
            return this;
        return new(Flow.Then(new ImageToTokens()), dimensions.Select(axes => axes.Select(axis => axis.Source switch
        {
            1 => axis with { Source = 2 },
            2 => new(1, axis.Stride * width, axis.Size),
            3 => axis with { Source = 1 },
            _ => axis,
        })), [first[0], first[2] * width + first[3], first[1]], Factor);
    }

    /// <summary>The sum of two activations in the same order of dimensions.</summary>
    public static object Add(View left, View right)
    {
        if (left.Settled() is { } one && right.Settled() is { } other)
            return Flow.Add(one, other);
        var (a, b) = (left.AsTokens(), right.AsTokens());
        return a.Factor == 1 && b.Factor == 1 && a.IsWhole && b.IsWhole && a.Flow.Shape.SequenceEqual(b.Flow.Shape)
            && a.dimensions.Length == b.dimensions.Length
            && a.dimensions.Zip(b.dimensions).All(pair => pair.First.SequenceEqual(pair.Second))
            ? new View(Flow.Add(a.Flow, b.Flow), a.dimensions, a.first).Reading()
            : throw new UnreadableScriptException("it adds activations whose dimensions stand in different orders");
    }

    /// <summary>The mean over dimensions that are all pixels or all tokens.</summary>
    public Flow Mean(long[] over)
    {
        if (Factor != 1)
            throw Unusual("mean");
        var gone = over.Select(Place).ToHashSet();
        Axis[] axes = Merged(gone.Order().SelectMany(i => dimensions[i]));
        var left = dimensions.Where((_, i) => !gone.Contains(i)).ToArray();
        var isWhole = first.All(index => index == 0) && left is [[{ Source: 0 }], _];
        return isWhole && Flow.Shape.Length == 3 && axes.SequenceEqual([.. Whole(2), .. Whole(3)]) && left[1].SequenceEqual(Whole(1))
                ? Flow.Then(new GlobalAvgPool2d()).Then(new Flatten())
            : isWhole && Flow.Shape.Length == 2 && axes.SequenceEqual(Whole(1)) && left[1].SequenceEqual(Whole(2))
                ? Flow.Then(new TokenMean())
            : throw ScriptValues.Unknown("a mean over anything but height and width, or the tokens,");
    }

    /// <summary>
    /// Heads of queries, keys or values, [*,tokens,features of a head] with the batch and the heads in front; null where it is not that.
    /// </summary>
    public HeadView? Heads(bool transposed = false)
    {
        if (Flow.Shape is not [_, var all] || dimensions.Length < 3)
            return null;
        var shown = transposed ? Transposed(-2, -1).dimensions : dimensions;
        var front = shown[..^2].SelectMany(axes => axes).ToArray();
        var width = Size(shown[^1]);
        var heads = front.FirstOrDefault(axis => axis.Source == 2);
        var count = heads.Size == 0 ? 1 : heads.Size;
        return first[1] == 0 && shown[^2].SequenceEqual(Whole(1)) && Merged(shown[^1]).SequenceEqual(Merged([new(2, 1, width)]))
            && front.Count(axis => axis.Source == 0) == 1 && front.Length == (count == 1 ? 1 : 2) && (count == 1 || heads.Stride == width)
            && first[2] % (count * width) == 0 && all % (count * width) == 0
            ? new(Flow, (int)count, width, first[2] / (count * width), shown[..^2]) : null;
    }

    /// <summary>What an attention gives, in the arrangement of its queries.</summary>
    public static View OfHeads(Flow result, HeadView queries) => new(result,
        [.. queries.Front, [new(1, 1, result.Shape[0])], [new(2, 1, queries.Width)]], [0, 0, 0]);
}

/// <summary>Queries, keys or values of all heads.</summary>
/// <param name="Flow">The tokens that hold them, perhaps beside others.</param>
/// <param name="Count">Heads.</param>
/// <param name="Width">Features of a head.</param>
/// <param name="Block">How many others stand in front of them in the features.</param>
/// <param name="Front">The dimensions of batch and heads.</param>
internal sealed record HeadView(Flow Flow, int Count, long Width, long Block, Axis[][] Front)
{
    public bool IsLike(HeadView other) => Count == other.Count && Width == other.Width
        && Front.Length == other.Front.Length && Front.Zip(other.Front).All(pair => pair.First.SequenceEqual(pair.Second));
}
