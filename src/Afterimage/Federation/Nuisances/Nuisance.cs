namespace Afterimage.Federation;

/// <summary>What an attack does not know of the client's training and looks for together with the images.</summary>
public abstract record Nuisance
{
    /// <summary>The unknowns of one round; none where there is nothing to look for.</summary>
    /// <param name="context">The round.</param>
    /// <param name="random">The stream of this restart.</param>
    public abstract NuisanceSearch Open(AttackContext context, RandomSource random);
}

/// <summary>The unknowns of one search beside images and labels: one flat vector, on which the operator depends too.</summary>
public abstract class NuisanceSearch
{
    /// <summary>Where they begin, one flat vector; empty where there is nothing to look for.</summary>
    public abstract Tensor Start { get; }

    /// <summary>Their learning rate as a multiple of that of the images.</summary>
    public virtual double Rate => 1;

    /// <summary>The operator with its products.</summary>
    /// <param name="batch">Images and labels.</param>
    /// <param name="values">The unknowns.</param>
    public abstract JointLinearization At(Batch batch, Tensor values);

    /// <summary>Moves the unknowns, in place, to the nearest ones that can be; false when they could be already.</summary>
    public virtual bool Project(Tensor values) => false;

    /// <summary>What is believed of the unknowns, as a differentiable scalar; null where nothing is.</summary>
    public virtual Tensor? Penalty(Tensor values) => null;

    /// <summary>What was found, one sentence.</summary>
    public abstract string Describe(Tensor values);

    /// <summary>Keeps values between 0 and 1, in place.</summary>
    private protected static bool Clamp(Tensor values)
    {
        using var _ = Tidy.Scope();
        var inside = values.clamp(0, 1);
        if (inside.equal(values).all().ToBoolean())
            return false;
        values.copy_(inside);
        return true;
    }
}
