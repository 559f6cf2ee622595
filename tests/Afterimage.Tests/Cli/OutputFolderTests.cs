using Afterimage.Cli;
using Afterimage.Cli.Options;
using Afterimage.Data;
using Afterimage.Reports;

namespace Afterimage.Tests.Cli;

/// <summary>Folders that commands write to and look into.</summary>
public class OutputFolderTests
{
    [Theory]
    [InlineData("audit")]
    [InlineData("leakage")]
    [InlineData("labels", "--table")]
    [InlineData("train", "denoiser")]
    public void WhatCannotBeWrittenIsSaidBeforeAnyWork(params string[] command)
    {
        using var folder = new TemporaryFolder();
        folder.Write("file.safetensors", "");
        var inside = Commanded.Run([.. command, "--out", folder["file.safetensors", "deep", "x.safetensors"]]);
        Assert.Equal((ExitCode.BadInput, ""), (inside.Code, inside.Output));
        Assert.Contains("which is a file: choose another folder", inside.Error, StringComparison.Ordinal);
        if (command[0] == "train")
            return;
        var file = Commanded.Run([.. command, "--out", folder["file.safetensors"]]);
        Assert.Equal((ExitCode.BadInput, ""), (file.Code, file.Output));
        Assert.Contains("is a file: name a folder", file.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderWithoutPermissionIsNamed()
    {
        Assert.SkipUnless(Directory.Exists("/proc/1"), "needs a folder that nobody may write to");
        var fault = Assert.Throws<AfterimageException>(() => OutputPath.CheckFolder("--out", "/proc/1/nothing"));
        Assert.StartsWith("--out /proc/1/nothing cannot be written to (", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith("): choose another folder.", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheProbeLeavesNothing()
    {
        using var folder = new TemporaryFolder();
        OutputPath.CheckFolder("--out", folder["a", "b"]);
        OutputPath.CheckFile("--out", folder["a", "b.safetensors"]);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    [Trait("Category", "slow")]
    public void TwoProcessesDoNotShareAFolder()
    {
        using var folder = new TemporaryFolder();
        string[] line = ["audit", "--attack", "matching", "--set", "/client/data/shape=1x16x16", "--leakage", "off", "-o", folder["run"]];
        using (var first = Commanded.Start([.. line, "--set", "/attack/tolerance=0", "--restarts", "1000"]))
        {
            try
            {
                Assert.True(SpinWait.SpinUntil(() => File.Exists(folder["run", FolderLock.FileName]), TimeSpan.FromSeconds(30)));
                var second = Commanded.InProcess([.. line, "--resume"]);
                Assert.Equal(ExitCode.BadInput, second.Code);
                Assert.Equal($"afterimage: {folder["run"]} is in use by another run: wait until it has ended, " +
                    "or choose another folder with --out.", second.Error.Trim());
            }
            finally
            {
                first.Kill(entireProcessTree: true);
                first.WaitForExit();
            }
        }
        var other = Commanded.QuickAudit(folder["run"], "--resume");
        Assert.Contains("holds an audit of another experiment", other.Error, StringComparison.Ordinal);
        Assert.Contains("/attack/restarts is 1000 there and 1 here", other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void AnEmptyFolderIsNoDataSet()
    {
        using var folder = new TemporaryFolder();
        var before = Environment.GetEnvironmentVariable(DataFolders.Variable);
        try
        {
            Environment.SetEnvironmentVariable(DataFolders.Variable, folder.Path);
            foreach (var entry in DataCatalog.Entries)
                Directory.CreateDirectory(folder[entry.Name]);
            foreach (var output in (string[])[Commanded.Run("data", "list").Output, Commanded.Run("doctor").Output])
                Assert.All(DataCatalog.Entries, entry =>
                    Assert.Contains($"not here: afterimage data get {entry.Name}", output, StringComparison.Ordinal));
            foreach (var mark in DataCatalog.Mnist.Marks)
                folder.Write(Path.Combine("mnist", mark), "");
            Assert.DoesNotContain("data get mnist", Commanded.Run("data", "list").Output, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(DataFolders.Variable, before);
        }
    }
}
