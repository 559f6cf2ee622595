namespace Afterimage.Spaces;

internal static class Bounds
{
    /// <summary>Brings variables, in place, between two bounds; false when they were there already.</summary>
    public static bool Clamp(Tensor variables, Tensor lowest, Tensor highest)
    {
        using var _ = Tidy.Scope();
        var inside = variables.maximum(lowest).minimum(highest);
        if (inside.equal(variables).all().ToBoolean())
            return false;
        variables.copy_(inside);
        return true;
    }
}
