using System.CommandLine;
using Afterimage.Cli.Console;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Cli.Commands;

/// <summary>Shows the report of a folder in the terminal, or the finished cases of an audit that was interrupted.</summary>
internal static class ShowCommand
{
    public static Command Create(Terminal terminal)
    {
        var folder = new Argument<string>("FOLDER") { Description = "A folder that an audit wrote." };
        var json = JsonText.Option("the report");
        var command = new Command("show", "Show a report in the terminal.") { folder, json };
        command.SetAction(line =>
        {
            var path = line.GetRequiredValue(folder);
            var report = Read(path);
            if (line.GetValue(json))
            {
                terminal.Raw.Write(ReportJson.Write(report));
                return;
            }
            ReportView.Write(terminal.Output, report, path);
            var html = Path.Combine(path, HtmlExporter.FileName);
            if (File.Exists(html))
                terminal.Raw.WriteLine(html);
        });
        return command;
    }

    private static AuditReport Read(string folder)
    {
        if (File.Exists(Path.Combine(folder, JsonExporter.FileName)))
            return JsonExporter.Import(folder);
        var view = AuditView.Replay(Journal.Read(folder));
        return view.Report ?? (view.Header is null
            ? throw new AfterimageException($"{folder} holds no audit: neither {JsonExporter.FileName} nor {Journal.FileName} is there.")
            : view.Header with { Cases = view.Finished });
    }
}
