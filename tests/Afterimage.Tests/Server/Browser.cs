using Microsoft.Playwright;

namespace Afterimage.Tests.Server;

/// <summary>The system's Chromium, driven by Playwright; nothing is downloaded.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Places =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable"];

    private IPlaywright? playwright;
    private IBrowser? chromium;
    private string? missing;

    public async ValueTask InitializeAsync()
    {
        if (Array.Find(Places, File.Exists) is not { } program)
        {
            missing = "needs Chromium at /usr/bin/chromium (apt-get install chromium), which is not on this machine";
            return;
        }
        if (!Directory.Exists(Path.Combine(AppContext.BaseDirectory, ".playwright", "node")))
        {
            missing = "needs Playwright's driver beside the tests, and it has none for this system";
            return;
        }
        playwright = await Playwright.CreateAsync();
        // Chromium's sandbox is not for root, who runs containers.
        chromium = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = program, Timeout = 60_000,
            Args = Environment.UserName == "root" ? ["--disable-gpu", "--no-sandbox"] : ["--disable-gpu"],
        });
    }

    /// <summary>A page of a window of its own; skips the test where there is no browser.</summary>
    /// <param name="site">Where its links lead.</param>
    /// <param name="isChecked">Whether a checker's scripts may run in it, which the page's own policy forbids.</param>
    internal async Task<IPage> Open(PageSite site, bool isChecked = false)
    {
        Assert.SkipWhen(missing is not null, missing ?? "");
        var window = await chromium!.NewContextAsync(new()
        {
            BaseURL = site.Http.BaseAddress!.ToString(), BypassCSP = isChecked, ReducedMotion = ReducedMotion.Reduce,
        });
        window.SetDefaultTimeout(60_000);
        return await window.NewPageAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (chromium is not null)
            await chromium.DisposeAsync();
        playwright?.Dispose();
    }
}
