using System.Globalization;
using System.Runtime.InteropServices;
using Afterimage.Models;
using Afterimage.Models.TorchScript;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>The range of the pixels that a TorchScript generator gives.</summary>
public enum PixelRange
{
    /// <summary>From 0 to 1.</summary>
    Unit,

    /// <summary>From -1 to 1, as behind a hyperbolic tangent.</summary>
    Symmetric,
}

/// <summary>
/// A generator of somebody else, without classes, from TorchScript: one file from latents to images, or one file for each stage. Every file
/// takes one tensor and gives one. Its pixels are brought into [0,1] by the range that is told, and not clamped.
/// </summary>
public sealed class ScriptedGenerator : Generator
{
    private readonly Script[] scripts;
    private readonly ParameterViews parameters;
    private readonly PixelRange range;
    private readonly bool isOwner;

    private ScriptedGenerator(Script[] scripts, ParameterViews parameters, ImageShape shape, int latent, PixelRange range, bool isOwner)
    {
        (this.scripts, this.parameters, this.range, this.isOwner) = (scripts, parameters, range, isOwner);
        (Shape, LatentSize) = ([shape.Channels, shape.Height, shape.Width], latent);
    }

    private sealed record Script(string Path, byte[] File, jit.ScriptModule<Tensor, Tensor> Module, ScriptSlots Slots)
    {
        public static Script Load(string path, byte[] file, ScalarType type, Device device)
        {
            var module = ScriptModel.Module(path, file);
            return new(path, file, module, new(module, type, device));
        }
    }

    /// <inheritdoc/>
    public override ValueList<long> Shape { get; }

    /// <inheritdoc/>
    public override int LatentSize { get; }

    /// <inheritdoc/>
    public override int Classes => 0;

    /// <inheritdoc/>
    public override int Stages => scripts.Length;

    /// <inheritdoc/>
    public override TensorLayout Layout => parameters.Layout;

    /// <inheritdoc/>
    public override Tensor Flat => parameters.Flat;

    /// <summary>Opens the files, each of which is first tried by a child process; float32 on the CPU.</summary>
    /// <param name="files">The stages in order; one file for all of them.</param>
    /// <param name="shape">The shape of an image.</param>
    /// <param name="latent">How many numbers a latent has.</param>
    /// <param name="range">The range of the pixels that the last file gives.</param>
    /// <exception cref="AfterimageException">A file is damaged or no TorchScript, or the stages give no such images.</exception>
    public static ScriptedGenerator Open(ValueList<string> files, ImageShape shape, int latent, PixelRange range = PixelRange.Unit)
    {
        if (files.Count == 0 || latent < 1)
            throw new AfterimageException("A generator from TorchScript needs at least one file, and a latent of at least one number.");
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var scripts = new List<Script>();
        try
        {
            var state = zeros(1, latent);
            foreach (var path in files)
            {
                var bytes = InputFile.Bytes(path, "a TorchScript file, as torch.jit.script(model).save(path) writes it");
                ScriptProbe.Check(path, ScriptArchive.Open(path, bytes), string.Join('x', state.shape[1..]), gradients: true);
                scripts.Add(Script.Load(path, bytes, ScalarType.Float32, CPU));
                state = Passed(scripts[^1], state);
            }
            if (!state.shape.SequenceEqual([1, shape.Channels, shape.Height, shape.Width]))
                throw new AfterimageException($"{files[^1]} gives a tensor of shape [{string.Join(",", state.shape)}] for one latent of " +
                    $"{latent}, not an image of {shape}: tell its own shape, and the files in their order.");
            return Owning([.. scripts], shape, latent, range);
        }
        catch
        {
            Free(scripts);
            throw;
        }
    }

    private static ScriptedGenerator Owning(Script[] scripts, ImageShape shape, int latent, PixelRange range)
    {
        var layout = new TensorLayout(scripts.SelectMany((script, stage) => script.Slots.Layout.Entries.Select(entry =>
            (scripts.Length == 1 ? entry.Name : string.Create(CultureInfo.InvariantCulture, $"{stage}.{entry.Name}"), entry.Shape))));
        Tensor[] parts = [.. scripts.SelectMany(script => script.Slots.Parameters).Select(part => part.detach().reshape(-1))];
        var flat = parts.Length > 0 ? cat(parts) : zeros(0);
        var generator = new ScriptedGenerator(scripts, new(layout, flat, isOwner: true), shape, latent, range, isOwner: true);
        generator.Detach();
        return generator;
    }

    /// <inheritdoc/>
    public override Generator With(Tensor flat) =>
        new ScriptedGenerator(scripts, new(Layout, flat, isOwner: false), ImageOf(Shape), LatentSize, range, isOwner: false);

    /// <inheritdoc/>
    public override Generator To(ScalarType type, Device? device = null)
    {
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var place = device ?? Flat.device;
        Script[] copies = [.. scripts.Select(script => Script.Load(script.Path, script.File, type, place))];
        foreach (var (copy, script) in copies.Zip(scripts))
            copy.Slots.Copy(script.Slots);
        var views = parameters.To(type, place);
        views.Detach();
        return new ScriptedGenerator(copies, views, ImageOf(Shape), LatentSize, range, isOwner: true);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Begin(Tensor latents, Tensor? labels)
    {
        ClassLabels.RefuseAny(labels);
        return [latents];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Advance(IReadOnlyList<Tensor> state, int stage)
    {
        var script = scripts[stage];
        var prefix = scripts.Length == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"{stage}.");
        try
        {
            script.Slots.Put([.. script.Slots.Layout.Entries.Select(entry => parameters[prefix + entry.Name])]);
            var made = Passed(script, state[0]);
            return [stage == Stages - 1 && range == PixelRange.Symmetric ? (made + 1) / 2 : made];
        }
        finally
        {
            script.Slots.Restore();
        }
    }

    /// <summary>What a script gives for one tensor, in the type of that tensor.</summary>
    private static Tensor Passed(Script script, Tensor input)
    {
        try
        {
            // A script may work in place on what it is given.
            return script.Module.forward(input.clone()) is { } made && made.is_floating_point() ? made.to(input.dtype)
                : throw new AfterimageException($"{script.Path} gives no tensor of real numbers: export a module from one tensor to one.");
        }
        catch (Exception error) when (error is InvalidCastException or ArgumentException or NullReferenceException
            or InvalidOperationException or NotSupportedException or ExternalException)
        {
            throw new AfterimageException($"{script.Path} fails on a tensor of shape [{string.Join(",", input.shape)}] " +
                $"({ScriptModel.FirstLine(error)}): tell its own latent size, or export it again.", error);
        }
    }

    private static ImageShape ImageOf(ValueList<long> shape) => new((int)shape[0], (int)shape[1], (int)shape[2]);

    /// <inheritdoc/>
    public override Generator Detach()
    {
        parameters.Detach();
        return this;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        parameters.Dispose();
        if (isOwner)
            Free(scripts);
    }

    private static void Free(IEnumerable<Script> scripts)
    {
        foreach (var script in scripts)
            ScriptModel.Free(script.Module, script.Slots);
    }
}
