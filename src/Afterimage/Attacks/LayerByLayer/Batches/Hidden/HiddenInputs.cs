using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>What enters the first of the linear layers at the end of a network, for every image of a batch that was separated.</summary>
/// <param name="Inputs">[N,features].</param>
/// <param name="Gradients">dL/dz of that layer, [N,outputs].</param>
/// <param name="Labels">One for each.</param>
/// <param name="Times">How often each occurs in the batch.</param>
/// <param name="Chain">What stands in front; null where nothing does.</param>
/// <param name="Tail">The linear layers.</param>
internal sealed record HiddenInputs(Tensor Inputs, Tensor Gradients, Labels Labels, int[] Times, RectifiedChain? Chain, LinearTail Tail);
