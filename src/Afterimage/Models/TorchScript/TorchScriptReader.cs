namespace Afterimage.Models.TorchScript;

/// <summary>Turns the code of a TorchScript archive, scripted or traced, into a network of known layers where it is one.</summary>
internal static class TorchScriptReader
{
    /// <returns>The network with what it leaves out, or the reason why the file stays a script.</returns>
    /// <exception cref="AfterimageException">The layers are known, but they do not fit the image shape or the class count.</exception>
    public static (Network? Network, ValueList<string> Notes) Read(ScriptArchive archive, ImageShape input, int classes)
    {
        try
        {
            var (result, notes) = ScriptInterpreter.Run(archive, input);
            return (new Network(input, classes, result.LayersFrom(null)).Checked(), notes);
        }
        catch (UnreadableScriptException reason)
        {
            return (null, [$"The file runs as a script because {reason.Message}."]);
        }
        catch (InsufficientExecutionStackException error)
        {
            // libtorch's own parser would overflow the stack, which ends the process.
            throw new AfterimageException("The TorchScript file's code is nested too deeply to be opened: export it again.", error);
        }
        catch (Exception error) when (error is OverflowException or InvalidOperationException or IndexOutOfRangeException
            or ArgumentException)
        {
            return (null, ["The file runs as a script because its code is not of the kind that torch.jit.save writes."]);
        }
    }
}
