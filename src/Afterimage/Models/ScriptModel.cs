using System.Runtime.InteropServices;
using Afterimage.Models.TorchScript;

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
    private readonly ScriptSlots slots;

    private ScriptModel(string path, byte[] file, jit.ScriptModule<Tensor, Tensor> module, ImageShape input, int classes,
        Normalization normalization, ScalarType type, Device device)
        : base(input, classes, normalization, type, device)
    {
        (this.path, this.file, this.module) = (path, file, module);
        slots = new(module, type, device);
        Parameters = slots.Parameters;
        // A file in which nothing is trained was exported for inference; it says nothing of the clients.
        Frozen = slots.Untrained.Count < Parameters.Count ? slots.Untrained : [];
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

    /// <summary>The module of a file whose archive has been checked, in eval mode.</summary>
    /// <exception cref="AfterimageException">libtorch cannot load it.</exception>
    internal static jit.ScriptModule<Tensor, Tensor> Module(string path, byte[] file)
    {
        try
        {
            var module = jit.load<Tensor, Tensor>(file, CPU);
            module.eval();
            return module;
        }
        catch (Exception error) when (error is ExternalException or InvalidOperationException)
        {
            throw new AfterimageException($"libtorch cannot load {path} ({FirstLine(error)}): export it again.", error);
        }
    }

    /// <summary>This model with other notes.</summary>
    internal ScriptModel With(ValueList<string> notes)
    {
        Notes = notes;
        return this;
    }

    public override Network? Network => null;

    public override TensorLayout Layout => slots.Layout;

    public override IReadOnlyList<Tensor> Parameters { get; }

    public override IReadOnlyDictionary<string, Tensor> Buffers => slots.Buffers;

    public override VictimModel To(ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var copy = new ScriptModel(path, file, Module(path, file), Input, Classes, Normalization, type, device) { Notes = Notes };
        copy.slots.Copy(slots);
        return copy;
    }

    protected override Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? parameters, Tensor? masks, Trace? trace)
    {
        if (masks is not null)
            throw new AfterimageException($"{path} runs as a script, which takes no dropout masks: give a model of known layers.");
        try
        {
            slots.Put(parameters);
            if (mode == ModelMode.Train)
                module.train();
            // A script may work in place on what it is given.
            return Answer(module.forward(normalized.clone()));
        }
        catch (Exception error) when (error is InvalidCastException or ArgumentException or NullReferenceException
            or InvalidOperationException or NotSupportedException)
        {
            throw NoLogits("something other than one tensor");
        }
        catch (ExternalException error)
        {
            throw new AfterimageException($"{path} fails on images of {Input} ({FirstLine(error)}): give the shape of one of its images, " +
                "or export it again.", error);
        }
        finally
        {
            if (mode == ModelMode.Train)
                module.eval();
            if (Buffers.Count > 0 || parameters is not null)
                slots.Restore();
        }
    }

    /// <summary>The script's answer in the model's own precision.</summary>
    private Tensor Answer(Tensor? answer) =>
        answer is null ? throw NoLogits("nothing")
        : !answer.is_floating_point() ? throw NoLogits($"numbers of the type {answer.dtype.ToString().ToLowerInvariant()}")
        : answer.dtype == Type ? answer : answer.to(Type);

    private AfterimageException NoLogits(string what) =>
        new($"{path} returns {what} for an image, not logits: export a model whose forward returns one tensor of logits.");

    /// <summary>
    /// libtorch's messages hold stack traces of C++ and of the script; the reason stands in a line "RuntimeError: ...", or else in the
    /// first that is no frame.
    /// </summary>
    internal static string FirstLine(Exception error)
    {
        var lines = error.Message.Split('\n').Select(line => line.Trim())
            .Where(line => line.Length > 0 && !line.StartsWith("frame #", StringComparison.Ordinal)).ToArray();
        var found = lines.FirstOrDefault(line => line.Contains("Error:", StringComparison.Ordinal)) ?? lines.FirstOrDefault()
            ?? "it gives no reason";
        return NativeWords.First(found);
    }

    /// <summary>Frees a module and its parameters. While it is disposed it makes handles to them, which a scope takes along.</summary>
    internal static void Free(jit.ScriptModule module, ScriptSlots slots)
    {
        using var scope = NewDisposeScope();
        slots.Dispose();
        module.Dispose();
    }

    protected override void Dispose(bool disposing)
    {
        Free(module, slots);
        base.Dispose(disposing);
    }
}
