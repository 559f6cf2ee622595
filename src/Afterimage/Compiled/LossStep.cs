using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>The last step of a plan: the derivative of the loss with respect to the logits, and its tangent.</summary>
internal sealed unsafe class LossStep<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Node<T> logits;
    private readonly int batch;
    private readonly int classes;
    private readonly Link link;
    private readonly T divisor;
    private readonly T kept;
    private readonly T spread;
    private readonly T* targets;
    private readonly T* predictions;

    public LossStep(Loss loss, Node<T> logits, int batch, int classes, Arena<T> arena)
    {
        (this.logits, this.batch, this.classes) = (logits, batch, classes);
        link = loss.Link ?? throw new AfterimageException($"{CompiledOperator.Unlinked(loss)}: use the autograd operator.");
        divisor = T.CreateTruncating(loss.Divisor(batch, classes) / loss.Slope);
        (kept, spread) = (T.CreateTruncating(loss.Kept), T.CreateTruncating((1 - loss.Kept) / classes));
        targets = arena.Take((long)batch * classes);
        predictions = arena.Take((long)batch * classes);
    }

    /// <summary>Writes the derivative of the loss into the adjoint of the logits.</summary>
    /// <param name="given">Label probabilities [B,classes].</param>
    public void Backward(ReadOnlySpan<T> given)
    {
        for (var i = 0; i < given.Length; i++)
            targets[i] = kept == T.One ? given[i] : given[i] * kept + spread;
        for (var sample = 0; sample < batch; sample++)
        {
            T* z = logits.Value + logits.Offset(sample, 0, 0), delta = logits.Adjoint + logits.Offset(sample, 0, 0);
            T* t = targets + sample * classes, s = predictions + sample * classes;
            Predict(z, s);
            var mass = Mass(t);
            for (var i = 0; i < classes; i++)
                delta[i] = (mass * s[i] - t[i]) / divisor;
        }
    }

    /// <summary>Writes the change of that derivative along the change of the logits.</summary>
    /// <param name="labels">Receives the derivative with respect to the label probabilities; null leaves it out.</param>
    public void TangentBackward(T* labels)
    {
        for (var sample = 0; sample < batch; sample++)
        {
            T* change = logits.Tangent + logits.Offset(sample, 0, 0), delta = logits.AdjointTangent + logits.Offset(sample, 0, 0);
            T* t = targets + sample * classes, s = predictions + sample * classes;
            var (mass, mean) = (Mass(t), T.Zero);
            for (var i = 0; i < classes && link == Link.Softmax; i++)
                mean += s[i] * change[i];
            for (var i = 0; i < classes; i++)
            {
                var slope = link switch { Link.Softmax => s[i], Link.Sigmoid => s[i] * (T.One - s[i]), _ => T.One };
                delta[i] = mass * slope * (change[i] - mean) / divisor;
                if (labels != null)
                    labels[sample * classes + i] = kept * ((mean - change[i]) / divisor);
            }
        }
    }

    private void Predict(T* z, T* s)
    {
        T largest = z[0], sum = T.Zero;
        for (var i = 1; i < classes; i++)
            largest = T.Max(largest, z[i]);
        for (var i = 0; i < classes; i++)
            sum += s[i] = link switch
            {
                Link.Softmax => T.Exp(z[i] - largest),
                Link.Sigmoid => T.One / (T.One + T.Exp(-z[i])),
                _ => z[i],
            };
        for (var i = 0; i < classes && link == Link.Softmax; i++)
            s[i] /= sum;
    }

    /// <summary>What the probabilities of all classes sum to, for those that exclude one another.</summary>
    private T Mass(T* t)
    {
        if (link != Link.Softmax)
            return T.One;
        var mass = T.Zero;
        for (var i = 0; i < classes; i++)
            mass += t[i];
        return mass;
    }
}
