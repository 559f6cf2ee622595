using Afterimage.Models.TorchScript;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Models;

/// <summary>
/// A model that torch.jit.script or torch.jit.trace exported. Where its code consists of known layers it opens as a network with
/// the file's weights and names; otherwise libtorch runs it as a script, and the model's notes say why.
/// </summary>
/// <param name="Path">The file; TorchScript, not a state dict.</param>
public sealed record TorchScriptFile(string Path) : ModelSource
{
    /// <summary>Largest difference between the logits of network and script, relative to the logits.</summary>
    private const double Agreement = 1e-4;

    /// <inheritdoc/>
    /// <param name="random">Draws the images on which network and script are compared.</param>
    public override VictimModel Open(ImageShape input, int classes, RandomSource random, ScalarType type, Device device)
    {
        var file = Bytes();
        var archive = ScriptArchive.Open(Path, file);
        var (network, notes) = TorchScriptReader.Read(Path, archive, input, classes);
        ScriptProbe.Check(Path, archive, input.ToString(), gradients: network is null);
        using var _ = NewDisposeScope();
        var script = Script(file, input, classes, type, device);
        if (network is null)
            return script.With(notes);
        var names = script.Layout.Entries.Select(entry => entry.Name).ToValueList();
        if (Unmatched(names, [.. network.Parameters.Select(spec => spec.Name)]) is { } unmatched)
            return AsScript($"The file runs as a script because {unmatched}.");

        var model = new NetworkModel(network with { Order = names }, script.Normalization,
            [.. script.Parameters.Select(parameter => parameter.detach().clone())],
            network.Buffers.ToDictionary(spec => spec.Name, spec => script.Buffers[spec.Name].clone()), notes)
        {
            Frozen = script.Frozen,
        };
        var difference = Difference(model, script, random);
        if (difference <= Agreement)
        {
            script.Dispose();
            return model;
        }
        model.Dispose();
        return AsScript($"The file runs as a script because its layers give other logits (relative difference {difference:g2}).");

        ScriptModel AsScript(string note)
        {
            ScriptProbe.Check(Path, archive, input.ToString(), gradients: true);
            return script.With([note]);
        }
    }

    /// <summary>Checks what can be known of the file without libtorch, which ends the process over some damaged ones.</summary>
    /// <returns>How many tensors it holds.</returns>
    /// <exception cref="AfterimageException">The file is something else or damaged.</exception>
    public int Check() => TorchScriptReader.Tensors(ScriptArchive.Open(Path, Bytes())).Count();

    /// <inheritdoc/>
    public override ModelShapes Shapes(ImageShape? input = null)
    {
        var archive = ScriptArchive.Open(Path, Bytes());
        var tensors = TorchScriptReader.Tensors(archive).ToArray();
        var found = ModelShapes.Search(tensors.FirstOrDefault(shape => shape.Length == 4)?[1] is { } channels ? (int)channels : null, input,
            shape => TorchScriptReader.Outputs(archive, shape));
        return found with { Classes = found.Classes ?? (int?)tensors.LastOrDefault(shape => shape.Length == 2)?[0] };
    }

    /// <summary>The file as libtorch runs it, whatever it is made of.</summary>
    /// <exception cref="AfterimageException">The file is no TorchScript, or does not map such images to that many logits.</exception>
    internal ScriptModel OpenScript(ImageShape input, int classes, ScalarType type, Device device)
    {
        var file = Bytes();
        using var _ = NewDisposeScope();
        // A known network that does not fit the images must be found out before libtorch runs it.
        TorchScriptReader.Read(Path, ScriptArchive.Open(Path, file), input, classes);
        return Script(file, input, classes, type, device);
    }

    private ScriptModel Script(byte[] file, ImageShape input, int classes, ScalarType type, Device device)
    {
        var script = ScriptModel.Load(Path, file, input, classes, Normalization ?? Models.Normalization.None(input.Channels), type, device);
        using var _ = no_grad();
        var tensors = script.Layout.Entries.Select(entry => entry.Name).Zip(script.Parameters)
            .Concat(script.Buffers.Select(pair => (pair.Key, pair.Value))).ToDictionary();
        foreach (var (name, array) in Stored(tensors.Select(pair => (pair.Key, pair.Value.shape))))
            tensors[name].copy_(array.ToTensor(type, device));
        foreach (var (name, tensor) in tensors)
            if (!tensor.isfinite().all().ToBoolean())
                throw new AfterimageException($"{Path}: \"{ArrayFault.Plain(name)}\" has values that are not finite (NaN or infinite), " +
                    "so the model is damaged or its training diverged: export it again.");
        return script;
    }

    /// <summary>Why the layers are not the whole model, a clause; null where every parameter is used once.</summary>
    private static string? Unmatched(ValueList<string> names, string[] used) =>
        used.Except(names).FirstOrDefault() is { } buffer ? $"it computes with {buffer}, which is no parameter"
        : used.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice ? $"its parameter {twice.Key} is used twice"
        : names.Except(used).FirstOrDefault() is { } unused ? $"no layer that Afterimage knows uses its parameter {unused}" : null;

    private static double Difference(NetworkModel model, ScriptModel script, RandomSource random)
    {
        using var _ = no_grad();
        using var generator = random.Derive("verification").Generator(CPU);
        var images = rand([2, model.Input.Channels, model.Input.Height, model.Input.Width], ScalarType.Float32, CPU, generator: generator)
            .to(model.Type, model.Device);
        var (expected, logits) = (script.Logits(images), model.Logits(images));
        // A final log-softmax was left out, and the softmax of logits does not change by it.
        return new[] { logits, logits.log_softmax(1) }
            .Min(found => ((found - expected).norm() / expected.norm().clamp(min: 1e-30)).ToDouble());
    }

    private byte[] Bytes() => InputFile.Bytes(Path, "a TorchScript file, as torch.jit.script(model).save(path) writes it");
}
