namespace Afterimage.Tests.Server;

/// <summary>One server for all tests of a class that leave it as they found it.</summary>
public sealed class SharedSite : IAsyncLifetime
{
    internal PageSite Site { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Site = await PageSite.Open();

    public ValueTask DisposeAsync() => Site.DisposeAsync();
}
