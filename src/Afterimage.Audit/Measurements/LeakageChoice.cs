namespace Afterimage.Audit.Measurements;

/// <summary>Whether an audit measures what each update tells at best.</summary>
public enum LeakageChoice
{
    /// <summary>Where it is cheap beside the attack: exactly for small batches, within brackets for larger ones.</summary>
    Auto,

    /// <summary>Always, exactly up to 6,144 unknowns, which may take minutes.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}
