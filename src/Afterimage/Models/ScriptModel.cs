using System.Runtime.InteropServices;

namespace Afterimage.Models;

/// <summary>
/// A TorchScript file run by libtorch as it is. Its own parameters cannot be exchanged, so federated averaging cannot be
/// unrolled through it; one gradient can.
/// </summary>
public sealed class ScriptModel : VictimModel
{
    private readonly string path;
    private readonly byte[] file;
    private readonly jit.ScriptModule<Tensor, Tensor> module;
    private readonly Tensor[] parameters;
    private readonly Dictionary<string, Tensor> buffers;
    private readonly List<(jit.ScriptModule Owner, string Name, Tensor Value)> statistics;

    private ScriptModel(string path, byte[] file, jit.ScriptModule<Tensor, Tensor> module, ImageShape input, int classes,
        Normalization normalization, ScalarType type, Device device)
        : base(input, classes, normalization, type, device)
    {
        (this.path, this.file, this.module) = (path, file, module);
        var named = module.named_parameters().ToList();
        Layout = new(named.Select(pair => (pair.name, pair.parameter.shape)));
        parameters = [.. named.Select(pair => pair.parameter.requires_grad_().DetachFromDisposeScope())];
        buffers = module.named_buffers().ToDictionary(pair => pair.name, pair => pair.buffer.DetachFromDisposeScope());
        var owners = module.named_modules().ToDictionary(pair => pair.name, pair => (jit.ScriptModule)pair.module);
        statistics = [.. buffers.Select(pair => pair.Key.LastIndexOf('.') is var dot and > 0
            ? (owners[pair.Key[..dot]], pair.Key[(dot + 1)..], pair.Value)
            : (module, pair.Key, pair.Value))];
    }

    /// <summary>Loads a file whose archive has been checked, and runs one black image through it.</summary>
    /// <exception cref="AfterimageException">libtorch cannot load it, it has no parameters, or it does not map such images to that many logits.</exception>
    internal static ScriptModel Load(string path, byte[] file, ImageShape input, int classes, Normalization normalization, ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        var model = new ScriptModel(path, file, Module(path, file, type, device), input, classes, normalization, type, device);
        try
        {
            if (model.parameters.Length == 0)
                throw new AfterimageException($"{path} has no parameters, perhaps because it was frozen: export it again without torch.jit.freeze.");
            using var _ = no_grad();
            var shape = model.Logits(zeros([1, input.Channels, input.Height, input.Width], type, device)).shape;
            return shape is [1, var outputs] && outputs == classes ? model
                : throw new AfterimageException($"{path} maps an image of {input} to shape [{string.Join(",", shape)}], not to [1,{classes}]: give its own class count.");
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static jit.ScriptModule<Tensor, Tensor> Module(string path, byte[] file, ScalarType type, Device device)
    {
        try
        {
            var module = jit.load<Tensor, Tensor>(file, CPU);
            module.to(device, type);
            module.eval();
            return module;
        }
        catch (Exception error) when (error is ExternalException or InvalidOperationException)
        {
            throw new AfterimageException($"libtorch cannot load {path}: {FirstLine(error)}", error);
        }
    }

    /// <summary>The same model, which from now on says these notes.</summary>
    internal ScriptModel With(Seq<string> notes)
    {
        Notes = notes;
        return this;
    }

    public override Network? Network => null;

    public override TensorLayout Layout { get; }

    public override IReadOnlyList<Tensor> Parameters => parameters;

    public override IReadOnlyDictionary<string, Tensor> Buffers => buffers;

    public override VictimModel To(ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var copy = new ScriptModel(path, file, Module(path, file, type, device), Input, Classes, Normalization, type, device) { Notes = Notes };
        foreach (var (target, source) in copy.parameters.Zip(parameters).Concat(copy.buffers.Values.Zip(buffers.Values)))
            target.copy_(source);
        return copy;
    }

    protected override Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? parameters)
    {
        if (parameters is not null)
            throw new AfterimageException($"{path} runs as a script, whose parameters cannot be exchanged, so several local steps cannot be unrolled: " +
                "use FedSgd, or export a model of plain layers.");
        try
        {
            if (mode == ModelMode.Eval)
                return module.forward(normalized);
            return InTrainMode(normalized);
        }
        catch (ExternalException error)
        {
            throw new AfterimageException($"{path} fails on images of {Input}: {FirstLine(error)}", error);
        }
    }

    private Tensor InTrainMode(Tensor normalized)
    {
        // BatchNorm updates whatever is registered: give it copies. Copying back would invalidate what the graph has saved.
        foreach (var (owner, name, value) in statistics)
            owner.set_attribute(name, value.clone());
        module.train();
        try
        {
            return module.forward(normalized);
        }
        finally
        {
            module.eval();
            foreach (var (owner, name, value) in statistics)
                owner.set_attribute(name, value);
        }
    }

    /// <summary>libtorch's messages end in a stack trace; the reason stands in the last line before or the first line of it.</summary>
    private static string FirstLine(Exception error) =>
        error.Message.Split('\n').FirstOrDefault(line => line.Contains("Error", StringComparison.Ordinal) || line.Contains("xpected", StringComparison.Ordinal))
            ?.Trim() ?? error.Message.Split('\n')[0].Trim();

    protected override void Dispose(bool disposing)
    {
        foreach (var tensor in parameters.Concat(buffers.Values))
            tensor.Dispose();
        module.Dispose();
        base.Dispose(disposing);
    }
}
