namespace Afterimage.Attacks;

/// <summary>What switches the outputs of a linear layer off: the ReLU behind it.</summary>
/// <param name="Weight">[outputs, features].</param>
/// <param name="Bias">[outputs].</param>
/// <param name="Rows">
/// Where the layer's rows are mixtures: what makes all outputs of them, [outputs, rows]; null where they are not.
/// </param>
internal sealed record LayerGates(Tensor Weight, Tensor Bias, Tensor? Rows);
