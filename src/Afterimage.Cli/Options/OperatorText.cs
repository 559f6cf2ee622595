using System.CommandLine;
using Afterimage.Numerics;

namespace Afterimage.Cli.Options;

/// <summary>The flag that chooses how the forward operator is evaluated.</summary>
internal static class OperatorText
{
    private const string Known = "auto|autograd|compiled|stepwise|finite-differences";

    public static Option<OperatorChoice> Option() => new("--operator")
    {
        HelpName = Known,
        Description = "How the forward operator is evaluated; auto decides by what the model allows and a short timing.",
        CustomParser = result => result.Tokens[0].Value switch
        {
            "auto" => OperatorChoice.Auto,
            "autograd" => OperatorChoice.Autograd,
            "compiled" => OperatorChoice.Compiled,
            "stepwise" => OperatorChoice.Stepwise,
            "finite-differences" => OperatorChoice.FiniteDifferences,
            var other => throw new AfterimageException(
                $"--operator \"{other}\" is none of {Known.Replace("|", ", ", StringComparison.Ordinal)}."),
        },
    };
}
