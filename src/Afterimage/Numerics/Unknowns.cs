namespace Afterimage.Numerics;

/// <summary>One kind of unknown of a search: images, labels, what is not known of the training.</summary>
/// <param name="name">What <see cref="Unknowns"/> calls it.</param>
/// <param name="start">Where it begins, in its own shape and units.</param>
public sealed class Block(string name, Tensor start)
{
    /// <summary>The name of the block.</summary>
    public string Name => name;

    /// <summary>Where the search begins.</summary>
    public Tensor Start => start;

    /// <summary>Positive: its learning rate as a multiple of the solver's.</summary>
    public double Rate { get; init; } = 1;

    /// <summary>Moves values, in place, to the nearest allowed ones; false when they were allowed already. Null allows all.</summary>
    public Func<Tensor, bool>? Project { get; init; }
}

/// <summary>
/// The blocks of a search as the one flat vector that a solver moves. A variable is its value divided by the block's rate: under Adam and
/// gradient signs, which do not see the size of a gradient, the rate multiplies the block's steps; L-BFGS takes it for the block's scale.
/// </summary>
public sealed class Unknowns
{
    private readonly Block[] blocks;
    private readonly TensorLayout layout;

    /// <summary>Lays the blocks out one after the other.</summary>
    /// <exception cref="AfterimageException">A rate is not positive.</exception>
    public Unknowns(params IEnumerable<Block> blocks)
    {
        this.blocks = [.. blocks];
        if (this.blocks.FirstOrDefault(block => !(block.Rate > 0 && double.IsFinite(block.Rate))) is { } still)
            throw new AfterimageException($"A block of unknowns moves at a positive rate; that of {still.Name} is {still.Rate}.");
        layout = new(this.blocks.Select(block => (block.Name, block.Start.shape)));
        Tensor[] parts = [.. this.blocks.Select(block => Variables(block, block.Start))];
        Start = parts.Length == 1 ? parts[0] : cat(parts);
        if (this.blocks.Any(block => block.Rate != 1))
            Rates = cat([.. this.blocks.Select(block => full_like(block.Start, block.Rate).reshape(-1))]);
    }

    /// <summary>The variables where the search begins.</summary>
    public Tensor Start { get; }

    /// <summary>The rate of every variable; null where all are 1.</summary>
    public Tensor? Rates { get; }

    /// <summary>A block's values in its own shape: a view of the variables where its rate is 1.</summary>
    public Tensor Values(Tensor variables, string name)
    {
        var (place, block) = Find(variables, name);
        return (block.Rate == 1 ? place : place * block.Rate).view(block.Start.shape);
    }

    /// <summary>Writes the derivative with respect to a block's values as that with respect to its variables.</summary>
    public void Write(Tensor gradient, string name, Tensor derivative)
    {
        var (place, block) = Find(gradient, name);
        place.copy_(block.Rate == 1 ? derivative.reshape(-1) : derivative.reshape(-1) * block.Rate);
    }

    /// <summary>Moves every block, in place, to the nearest allowed values; false when all were allowed already.</summary>
    public bool Project(Tensor variables)
    {
        var moved = false;
        foreach (var block in blocks)
        {
            var values = Values(variables, block.Name);
            if (block.Project?.Invoke(values) != true)
                continue;
            moved = true;
            if (block.Rate != 1)
                Find(variables, block.Name).Place.copy_(Variables(block, values));
        }
        return moved;
    }

    private (Tensor Place, Block Block) Find(Tensor variables, string name)
    {
        var index = layout.IndexOf(name);
        var entry = layout.Entries[index];
        return (variables.narrow(0, entry.Offset, entry.Count), blocks[index]);
    }

    private static Tensor Variables(Block block, Tensor values) => block.Rate == 1 ? values.reshape(-1) : values.reshape(-1) / block.Rate;
}
