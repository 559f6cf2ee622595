namespace Afterimage.Tests.Fuzzing;

/// <summary>
/// A quick part of what "dotnet run -c Release --project bench/Afterimage.Benchmarks -- fuzz" does: whatever a file holds, reading ends in
/// its content or in one sentence that names it.
/// </summary>
public sealed class FuzzTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void TrueFilesAreRead()
    {
        var reader = new FuzzReader(folder.Path, native: false);
        foreach (var file in FuzzSeeds.All.Where(file => file.Ending != ".npy"))
            Assert.Equal(FuzzReader.Read, reader.Judge(file));
    }

    [Fact]
    public void DamagedFilesAreReadOrRefusedInOneSentence()
    {
        var reader = new FuzzReader(folder.Path, native: false);
        var faults = new List<string>();
        for (var number = 0; number < 500; number++)
        {
            var file = FuzzFile.Damaged(2026, number);
            if (reader.Judge(file) is not (FuzzReader.Read or FuzzReader.Refused) and var fault)
                faults.Add($"{number} ({file.Kind}): {fault}");
        }
        Assert.Empty(faults);
    }

    public void Dispose() => folder.Dispose();
}
