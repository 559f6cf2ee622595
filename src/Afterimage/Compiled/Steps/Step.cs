using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// One step of a plan. A tangent direction lies either in the space of parameters (v is given, images are constant) or in the
/// space of images (v is null, parameters are constant).
/// </summary>
internal abstract unsafe class Step<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Takes the memory that this step needs beside its nodes; called once, when the nodes have theirs.</summary>
    public virtual void Allocate(Arena<T> arena) { }

    public abstract void Forward();

    /// <summary>
    /// From the adjoint of the output to that of the input (where the input depends on parameters) and to the parameters' gradient.
    /// </summary>
    public abstract void Backward(T* gradient);

    /// <summary>The tangent of the output.</summary>
    public abstract void TangentForward(T* v);

    /// <summary>The tangent of the input's adjoint and, for a direction of images, of the parameters' gradient.</summary>
    public abstract void TangentBackward(T* v, T* gradient);

    /// <summary>Whether a value has a tangent along the direction.</summary>
    protected static bool Moves(Node<T> node, T* v) => v == null || node.Learned;

    /// <summary>Whether the tangent of a value's adjoint is needed.</summary>
    protected static bool Asked(Node<T> node, T* v) => v != null || node.Learned;

    /// <summary>Whether another step has already written the node's adjoint, so that this one adds to it.</summary>
    protected bool Adds(Node<T> node) => node.LastReader != this;
}

/// <summary>A linear step without parameters: one map and its transpose serve values and tangents alike.</summary>
internal abstract unsafe class LinearMap<T>(Node<T> input, Node<T> output) : Step<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    protected Node<T> Input { get; } = input;

    protected Node<T> Output { get; } = output;

    protected abstract void Map(T* from, T* to);

    protected abstract void Transpose(T* from, T* to, bool add);

    public override void Forward() => Map(Input.Value, Output.Value);

    public override void Backward(T* gradient)
    {
        if (Input.Learned)
            Transpose(Output.Adjoint, Input.Adjoint, Adds(Input));
    }

    public override void TangentForward(T* v)
    {
        if (Moves(Input, v))
            Map(Input.Tangent, Output.Tangent);
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (Asked(Input, v))
            Transpose(Output.AdjointTangent, Input.AdjointTangent, Adds(Input));
    }
}
