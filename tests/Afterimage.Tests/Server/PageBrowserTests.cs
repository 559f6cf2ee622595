using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Afterimage.Tests.Server;

/// <summary>The pages in a real browser: by keyboard alone, and judged by axe-core.</summary>
[Collection(Apart.Collection)]
public class PageBrowserTests(Browser browser, SharedSite shared) : IClassFixture<Browser>, IClassFixture<SharedSite>
{
    [Fact]
    public async Task AxeFindsNothing()
    {
        var site = shared.Site;
        var run = $"runs/{await site.Id("done")}";
        var page = await browser.Open(site, isChecked: true);
        foreach (var (path, ready) in new[] { ("", ".runs a"), ("new", "#form[data-ready]"), (run, "#case .card") })
        {
            await page.GotoAsync(path);
            await page.WaitForSelectorAsync(ready);
            foreach (var part in await page.QuerySelectorAllAsync("#fields > .fields > .part:nth-of-type(2) > details, #again details"))
                await part.EvaluateAsync("part => part.open = true");
            await Check(page, new());
        }
        // Only the colors differ in the dark.
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await Check(page, new() { RunOnly = new() { Type = "rule", Values = ["color-contrast"] } });
        await page.Context.CloseAsync();
    }

    private static async Task Check(IPage page, Deque.AxeCore.Commons.AxeRunOptions options)
    {
        var found = await page.RunAxe(options);
        Assert.Empty(found.Violations.Select(fault =>
            $"{page.Url}: {fault.Id}: {fault.Help} {string.Join(' ', fault.Nodes.Take(3).Select(node => node.Html))}"));
    }

    [Fact]
    public async Task ARunIsReadAndAnExperimentStartedByKeyboardAlone()
    {
        await using var site = await PageSite.Open();
        var page = await browser.Open(site);
        var said = new List<string>();
        page.Console += (_, line) => said.Add(line.Text);
        page.PageError += (_, fault) => said.Add(fault);
        var keys = page.Keyboard;

        await page.GotoAsync("");
        await keys.PressAsync("Tab");
        Assert.Equal("Skip to the runs", await Focused(page));
        await keys.PressAsync("Enter");
        await page.WaitForSelectorAsync(".runs a");
        await TabTo(page, site.Report.Title);
        await keys.PressAsync("Enter");
        await page.WaitForSelectorAsync("#case .card img");
        Assert.Equal("Recognizable", await page.InnerTextAsync("#word"));
        Assert.Equal(32, await page.EvaluateAsync<int>(
            "async () => { const image = document.querySelector('#case .card img'); await image.decode(); return image.naturalWidth; }"));

        await TabTo(page, "New experiment");
        await keys.PressAsync("Enter");
        await page.WaitForSelectorAsync("#form[data-ready]");
        await TabTo(page, "field-0");
        await keys.TypeAsync("By keyboard");
        await TabTo(page, "Settings of client");
        await keys.PressAsync("Enter");
        await TabTo(page, "Settings of data");
        await keys.PressAsync("Enter");
        await TabTo(page, "Shape");
        await keys.TypeAsync("1x8x8");
        await TabTo(page, "Attack");
        await keys.TypeAsync("matching");
        await TabTo(page, "Start the experiment");
        await keys.PressAsync("Enter");
        await page.WaitForURLAsync(address => address.Contains("/runs/", StringComparison.Ordinal));
        await page.WaitForSelectorAsync("#title:text-is('By keyboard')");
        await TabTo(page, "Stop this run");
        await keys.PressAsync("Enter");
        await page.WaitForSelectorAsync("#stop", new() { State = WaitForSelectorState.Hidden });
        Assert.Empty(said);
        await page.Context.CloseAsync();
    }

    /// <summary>Presses Tab until the element of this name, label or identity has the focus.</summary>
    private static async Task TabTo(IPage page, string name)
    {
        for (var pressed = 0; pressed < 150; pressed++)
        {
            await page.Keyboard.PressAsync("Tab");
            if ((await Focused(page)).Split('\n').Contains(name))
                return;
        }
        Assert.Fail($"The keyboard does not reach \"{name}\".");
    }

    private static Task<string> Focused(IPage page) => page.EvaluateAsync<string>("""
        () => [document.activeElement.textContent.trim(), document.activeElement.id,
          ...[...document.activeElement.labels ?? []].map(label => label.textContent)].filter(text => text).join("\n")
        """);
}
