using Afterimage.Audit.Execution;
using Afterimage.Cli;
using Afterimage.Tests.Execution;
using Xunit.MicrosoftTestingPlatform;

namespace Afterimage.Tests;

/// <summary>
/// Runs the tests; or one case in a child process, as every program that hosts the command does, with the parts of these tests.
/// </summary>
internal static class Program
{
    public static async Task<int> Main(string[] args) => args is [ChildCase.Command]
        ? AfterimageApp.Run(args, SmallAudit.Parts)
        : await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
}
