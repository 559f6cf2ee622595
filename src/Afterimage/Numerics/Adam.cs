namespace Afterimage.Numerics;

/// <summary>
/// Adam (Kingma and Ba, 2015) on one flat vector, in place: what the solvers search with and the networks train with. A client's optimizer,
/// through which updates are differentiated, is a function and stands by itself.
/// </summary>
internal sealed class Adam : IDisposable
{
    private const double Epsilon = 1e-8;

    private readonly double beta1;
    private readonly double beta2;

    /// <summary>Starts with empty running means.</summary>
    /// <param name="point">What is moved; only its shape, precision and device count here.</param>
    /// <param name="beta1">In [0,1): how much of the mean is kept.</param>
    /// <param name="beta2">In [0,1): how much of the mean square is kept.</param>
    public Adam(Tensor point, double beta1 = 0.9, double beta2 = 0.999)
    {
        (this.beta1, this.beta2) = (beta1, beta2);
        (Mean, Square) = (zeros_like(point).DetachFromDisposeScope(), zeros_like(point).DetachFromDisposeScope());
    }

    /// <summary>The running mean of the gradients.</summary>
    public Tensor Mean { get; }

    /// <summary>The running mean of their squares.</summary>
    public Tensor Square { get; }

    /// <summary>Moves a point one step against its gradient.</summary>
    /// <param name="point">Moved in place.</param>
    /// <param name="gradient">At the point.</param>
    /// <param name="rate">About how far every number moves.</param>
    /// <param name="number">Of the step, from 1.</param>
    public void Step(Tensor point, Tensor gradient, double rate, int number)
    {
        Mean.mul_(beta1).add_(gradient, alpha: 1 - beta1);
        Square.mul_(beta2).addcmul_(gradient, gradient, value: 1 - beta2);
        var scale = Square.sqrt().div_(Math.Sqrt(1 - Math.Pow(beta2, number))).add_(Epsilon);
        point.addcdiv_(Mean, scale, value: -rate / (1 - Math.Pow(beta1, number)));
    }

    public void Dispose()
    {
        Mean.Dispose();
        Square.Dispose();
    }
}
