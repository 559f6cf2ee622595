using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Recipes;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Reports.Recipes;

namespace Afterimage.Cli.Commands.Reproduction;

/// <summary>Runs recipes, which show claims and figures of the literature, and writes a gallery of their pages.</summary>
internal static class ReproduceCommand
{
    private sealed record Chosen(string Name, Recipe Recipe);

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var names = new Argument<string[]>("NAME")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Recipes by name, or JSON files of your own.",
        };
        names.CompletionSources.Add(_ => ShippedRecipes.Names.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        var all = new Option<bool>("--all") { Description = "Every recipe." };
        var list = new Option<bool>("--list") { Description = "List the recipes, in a sentence each, and run none." };
        var quick = new Option<bool>("--quick")
        {
            Description = "Reduced size on procedural images, held against the recipe's intervals; exit code 2 outside of them.",
        };
        var threads = new Option<int>("--threads") { HelpName = "N", Description = "Threads of libtorch.", DefaultValueFactory = _ => 1 };
        var parallel = new Option<int>("--parallel") { HelpName = "N", Description = "Cases at once.", DefaultValueFactory = _ => 1 };
        var folder = new Option<string>("--out", "-o")
        {
            HelpName = "DIR",
            Description = "Folder of the gallery; what it holds already is kept, and an interrupted run goes on.",
            DefaultValueFactory = _ => Path.Combine("runs", "gallery"),
        };
        var command = new Command("reproduce", "Show claims and figures of the literature, one command each.") { names };
        foreach (var option in (Option[])[all, list, quick, folder, threads, parallel])
            command.Add(option);
        command.SetAction(line =>
        {
            var given = line.GetValue(names) ?? [];
            var recipes = new RecipeFile(files);
            if (line.GetValue(list))
                return List(recipes, terminal);
            if (given.Length == 0 != line.GetValue(all))
                throw new AfterimageException(given.Length == 0
                    ? $"Nothing to reproduce: name a recipe ({string.Join(", ", ShippedRecipes.Names)}), or add --all."
                    : "--all and names of recipes exclude each other: leave one out.");
            Chosen[] chosen = [.. (given.Length > 0 ? given.Distinct() : ShippedRecipes.Names)
                .Select(name => ShippedRecipes.Open(recipes, name)).Select(pair => new Chosen(pair.Name, pair.Recipe))];
            var runner = new RecipeRunner(files, line.GetRequiredValue(folder), CommandLine.AtLeastOne("--threads", line.GetValue(threads)),
                CommandLine.AtLeastOne("--parallel", line.GetValue(parallel)));
            OutputPath.CheckFolder("--out", runner.Folder);
            return Run(recipes, runner, chosen, line.GetValue(quick), terminal);
        });
        return command;
    }

    private static int Run(RecipeFile recipes, RecipeRunner runner, Chosen[] chosen, bool quick, Terminal terminal)
    {
        using var interruption = new Interruption();
        var code = ExitCode.Fine;
        foreach (var (number, one) in chosen.Index())
        {
            terminal.Raw.WriteLine($"[{number + 1} of {chosen.Length}] {one.Name}");
            try
            {
                if (runner.Run(one.Name, one.Recipe, quick, terminal, interruption.Token) is not { } run)
                    return Stopped(terminal);
                GalleryExporter.Keep(run, runner.Folder);
                RecipeView.Write(terminal.Output, recipes.Story(one.Name, one.Recipe), run);
                if (run.Checks.Any(check => !check.Holds))
                    code = code == ExitCode.Fine ? ExitCode.ConditionTrue : code;
            }
            // Data that are not there end one recipe; the others may do without them.
            catch (Exception fault) when (fault is AfterimageException or ReportException && chosen.Length > 1)
            {
                terminal.Error.WriteLine($"afterimage: {one.Name}: {fault.Message}");
                code = ExitCode.BadInput;
            }
        }
        terminal.Raw.WriteLine(GalleryExporter.Export(Stories(recipes, chosen), runner.Folder));
        return code;
    }

    private static int Stopped(Terminal terminal)
    {
        terminal.Raw.WriteLine("Stopped; what was found is kept. The same command goes on.");
        return ExitCode.Canceled;
    }

    /// <summary>Those that come with the command, then those of files.</summary>
    private static IEnumerable<RecipeStory> Stories(RecipeFile recipes, Chosen[] chosen) => ShippedRecipes.Names
        .Select(name => ShippedRecipes.Open(recipes, name)).Select(pair => new Chosen(pair.Name, pair.Recipe))
        .Concat(chosen).DistinctBy(one => one.Name).Select(one => recipes.Story(one.Name, one.Recipe));

    private static int List(RecipeFile recipes, Terminal terminal)
    {
        foreach (var name in ShippedRecipes.Names)
        {
            terminal.Output.WriteHeading(name);
            terminal.Output.WriteIndented(ShippedRecipes.Open(recipes, name).Recipe.Title);
        }
        return ExitCode.Fine;
    }
}
