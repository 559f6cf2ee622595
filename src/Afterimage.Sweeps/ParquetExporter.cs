using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Parquet;
using Parquet.Schema;

namespace Afterimage.Sweeps;

/// <summary>Writes report.parquet: the rows of report.csv in typed columns, read by pandas, DuckDB, Spark and R alike.</summary>
public static class ParquetExporter
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "report.parquet";

    /// <summary>Writes the file into a folder and returns its path.</summary>
    public static string Export(AuditReport report, string folder)
    {
        var path = Path.Combine(folder, FileName);
        using var file = File.Create(path);
        Write(report, file).GetAwaiter().GetResult();
        return path;
    }

    /// <summary>Writes the table into a stream that can seek.</summary>
    public static async Task Write(AuditReport report, Stream output)
    {
        var columns = ResultTable.Of(report);
        DataField[] fields = [.. columns.Select(Field)];
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), output).ConfigureAwait(false);
        using var group = writer.CreateRowGroup();
        foreach (var (field, column) in fields.Zip(columns))
            if (column.Type == typeof(string))
                await group.WriteAsync(field, [.. column.Values.Select(value => value as string)]).ConfigureAwait(false);
            else if (column.Type == typeof(int))
                await group.WriteAsync<int>(field, Values(column, value => (int)value)).ConfigureAwait(false);
            else if (column.Type == typeof(ulong))
                await group.WriteAsync<ulong>(field, Values(column, value => (ulong)value)).ConfigureAwait(false);
            else
                await group.WriteAsync<double>(field, Values(column, value => (double)value)).ConfigureAwait(false);
        group.CompleteValidate();
    }

    private static DataField Field(ResultColumn column) => column.Type == typeof(string) ? new DataField<string>(column.Name)
        : column.Type == typeof(int) ? new DataField<int?>(column.Name)
        : column.Type == typeof(ulong) ? new DataField<ulong?>(column.Name) : new DataField<double?>(column.Name);

    private static ReadOnlyMemory<T?> Values<T>(ResultColumn column, Func<object, T> of) where T : struct =>
        column.Values.Select(value => value is null ? (T?)null : of(value)).ToArray();
}
