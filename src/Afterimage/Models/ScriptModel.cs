using System.Runtime.InteropServices;

namespace Afterimage.Models;

/// <summary>
/// A TorchScript file that libtorch runs as it is. For unrolled local training, other parameters take the place of its own during
/// one forward pass; its own parameters and buffers are restored before the pass returns.
/// </summary>
internal sealed class ScriptModel : VictimModel
{
    private readonly string path;
    private readonly byte[] file;
    private readonly jit.ScriptModule<Tensor, Tensor> module;
    private readonly Slot[] slots;
    private readonly Dictionary<string, Tensor> buffers;

    private ScriptModel(string path, byte[] file, jit.ScriptModule<Tensor, Tensor> module, ImageShape input, int classes,
        Normalization normalization, ScalarType type, Device device)
        : base(input, classes, normalization, type, device)
    {
        (this.path, this.file, this.module) = (path, file, module);
        var owners = module.named_modules().ToDictionary(pair => pair.name, pair => (jit.ScriptModule)pair.module);
        Slot Open(string name, Tensor value) => name.LastIndexOf('.') is var dot and > 0
            ? new(owners[name[..dot]], name[(dot + 1)..], value.DetachFromDisposeScope())
            : new(module, name, value.DetachFromDisposeScope());

        // Conversion by libtorch would leave handles to the old tensors, of which the script's output is no function.
        Tensor Convert(Tensor value) => value.detach().to(value.is_floating_point() ? type : value.dtype, device, copy: true);
        var named = module.named_parameters().ToList();
        Layout = new(named.Select(pair => (pair.name, pair.parameter.shape)));
        Slot[] weights = [.. named.Select(pair => Open(pair.name, Convert(pair.parameter).requires_grad_()))];
        buffers = module.named_buffers().ToDictionary(pair => pair.name, pair => Convert(pair.buffer));
        slots = [.. weights, .. buffers.Select(pair => Open(pair.Key, pair.Value))];
        Parameters = [.. weights.Select(slot => slot.Value)];
        Restore();
    }

    /// <summary>The module and attribute that hold one parameter or buffer.</summary>
    private sealed record Slot(jit.ScriptModule Owner, string Name, Tensor Value)
    {
        public void Put(Tensor value) => Owner.set_attribute(Name, value);
    }

    private void Restore()
    {
        foreach (var slot in slots)
            slot.Put(slot.Value);
    }

    /// <summary>Loads a file whose archive has been checked, and runs one black image through it.</summary>
    /// <exception cref="AfterimageException">libtorch cannot load it, or it does not map such images to that many logits.</exception>
    internal static ScriptModel Load(string path, byte[] file, ImageShape input, int classes, Normalization normalization,
        ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        var model = new ScriptModel(path, file, Module(path, file), input, classes, normalization, type, device);
        try
        {
            if (model.Parameters.Count == 0)
                throw new AfterimageException($"{path} has no parameters, perhaps because it was frozen: " +
                    "export it again without torch.jit.freeze.");
            using var _ = no_grad();
            var shape = model.Logits(zeros([1, input.Channels, input.Height, input.Width], type, device)).shape;
            return shape is [1, var outputs] && outputs == classes ? model
                : throw new AfterimageException($"{path} maps an image of {input} to shape [{string.Join(",", shape)}], " +
                    $"not to [1,{classes}]: give its own class count.");
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static jit.ScriptModule<Tensor, Tensor> Module(string path, byte[] file)
    {
        try
        {
            var module = jit.load<Tensor, Tensor>(file, CPU);
            module.eval();
            return module;
        }
        catch (Exception error) when (error is ExternalException or InvalidOperationException)
        {
            throw new AfterimageException($"libtorch cannot load {path}: {FirstLine(error)}", error);
        }
    }

    /// <summary>This model with other notes.</summary>
    internal ScriptModel With(ValueList<string> notes)
    {
        Notes = notes;
        return this;
    }

    public override Network? Network => null;

    public override TensorLayout Layout { get; }

    public override IReadOnlyList<Tensor> Parameters { get; }

    public override IReadOnlyDictionary<string, Tensor> Buffers => buffers;

    public override VictimModel To(ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var copy = new ScriptModel(path, file, Module(path, file), Input, Classes, Normalization, type, device) { Notes = Notes };
        foreach (var (target, source) in copy.slots.Zip(slots))
            target.Value.copy_(source.Value);
        return copy;
    }

    protected override Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? parameters, Tensor? masks, Trace? trace)
    {
        if (masks is not null)
            throw new AfterimageException($"{path} runs as a script, which takes no dropout masks: give a model of known layers.");
        try
        {
            for (var i = 0; i < parameters?.Count; i++)
                slots[i].Put(parameters[i]);
            if (mode == ModelMode.Train)
            {
                // BatchNorm updates whatever is registered: give it copies. Copying back would invalidate what the graph has saved.
                foreach (var slot in slots.Skip(Parameters.Count))
                    slot.Put(slot.Value.clone());
                module.train();
            }
            return module.forward(normalized);
        }
        catch (ExternalException error)
        {
            throw new AfterimageException($"{path} fails on images of {Input}: {FirstLine(error)}", error);
        }
        finally
        {
            if (mode == ModelMode.Train)
                module.eval();
            if (mode == ModelMode.Train || parameters is not null)
                Restore();
        }
    }

    /// <summary>libtorch's messages hold stack traces; the reason stands in a line "RuntimeError: ...", or else in the first.</summary>
    private static string FirstLine(Exception error) =>
        error.Message.Split('\n').FirstOrDefault(line => line.Contains("Error:", StringComparison.Ordinal))?.Trim()
            ?? error.Message.Split('\n')[0].Trim();

    protected override void Dispose(bool disposing)
    {
        foreach (var slot in slots)
            slot.Value.Dispose();
        module.Dispose();
        base.Dispose(disposing);
    }
}
