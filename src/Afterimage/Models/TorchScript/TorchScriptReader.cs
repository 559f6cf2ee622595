namespace Afterimage.Models.TorchScript;

/// <summary>Turns the code of a TorchScript archive, scripted or traced, into a network of known layers where it is one.</summary>
internal static class TorchScriptReader
{
    private static readonly int[] UsualSizes = [28, 32, 64, 96, 128, 224, 256, 299, 16, 48, 84, 112];

    /// <summary>The logits for one image of a shape; null where the code is not understood or does not take such images.</summary>
    public static int? Outputs(ScriptArchive archive, ImageShape input)
    {
        try
        {
            return ScriptInterpreter.Run(archive, input).Result.Shape is [var outputs] ? (int)outputs : null;
        }
        catch (Exception error) when (error is UnreadableScriptException or AfterimageException or InsufficientExecutionStackException
            or OverflowException or InvalidOperationException or IndexOutOfRangeException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The shapes of all tensors in the order of registration.</summary>
    public static IEnumerable<long[]> Tensors(ScriptArchive archive) => Below(archive.Root, []);

    private static IEnumerable<long[]> Below(object? value, HashSet<object> seen) => value switch
    {
        PickledTensor tensor => [tensor.Shape],
        PickledObject module when seen.Add(module) => module.Attributes.SelectMany(pair => Below(pair.Value, seen)),
        _ => [],
    };

    /// <returns>The network with what it leaves out, or the reason why the file stays a script.</returns>
    /// <exception cref="AfterimageException">The layers are known, but they do not fit the image shape or the class count.</exception>
    public static (Network? Network, ValueList<string> Notes) Read(string path, ScriptArchive archive, ImageShape input, int classes)
    {
        try
        {
            var (result, notes) = Run(path, archive, input);
            if (result.Shape is not [var outputs])
                throw new AfterimageException($"{path} ends in the shape [{string.Join(",", result.Shape)}] for an image, not in logits: " +
                    "export a model whose forward returns one row of logits for each image.");
            if (outputs != classes)
                throw new AfterimageException($"{path} ends in {outputs} outputs, not in {classes} classes: give {outputs} as the number " +
                    "of classes.");
            return (new Network(input, classes, result.LayersFrom(null)).Checked(), notes);
        }
        catch (UnreadableScriptException reason)
        {
            return (null, [$"The file runs as a script because {reason.Message}."]);
        }
        catch (InsufficientExecutionStackException error)
        {
            // libtorch's own parser would overflow the stack, which ends the process.
            throw new AfterimageException($"{path} holds code that is nested too deeply to be opened: export it again.", error);
        }
        catch (Exception error) when (error is OverflowException or InvalidOperationException or IndexOutOfRangeException
            or ArgumentException)
        {
            return (null, ["The file runs as a script because its code is not of the kind that torch.jit.save writes."]);
        }
    }

    private static (Flow Result, ValueList<string> Notes) Run(string path, ScriptArchive archive, ImageShape input)
    {
        try
        {
            return ScriptInterpreter.Run(archive, input);
        }
        catch (AfterimageException misfit)
        {
            var other = Candidates(input).Where(shape => Fits(archive, shape)).Select(shape => (ImageShape?)shape).FirstOrDefault();
            throw new AfterimageException($"{path} does not take images of {input}{(other is null ? "" : $", but of {other}")}: give the " +
                $"shape of one of its images ({misfit.Message.TrimEnd('.')}).", misfit);
        }
    }

    private static IEnumerable<ImageShape> Candidates(ImageShape input) =>
        from channels in new[] { input.Channels, 3, 1 }.Distinct()
        from size in UsualSizes.Append(input.Height).Distinct()
        select new ImageShape(channels, size, size);

    private static bool Fits(ScriptArchive archive, ImageShape input)
    {
        try
        {
            return ScriptInterpreter.Run(archive, input).Result.Shape is [_];
        }
        catch (Exception error) when (error is AfterimageException or UnreadableScriptException or OverflowException
            or InvalidOperationException or IndexOutOfRangeException or ArgumentException)
        {
            return false;
        }
    }
}
