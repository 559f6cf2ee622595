using Npgsql;
using NpgsqlTypes;

namespace Afterimage.Sweeps.Database;

/// <summary>Short forms for statements with parameters $1, $2 and so on.</summary>
internal static class Query
{
    public static int Run(this NpgsqlDataSource source, string text, params object?[] values)
    {
        using var command = source.CreateCommand(text);
        Bind(command, values);
        return command.ExecuteNonQuery();
    }

    public static List<T> Read<T>(this NpgsqlDataSource source, string text, Func<NpgsqlDataReader, T> row, params object?[] values)
    {
        using var command = source.CreateCommand(text);
        Bind(command, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(row(reader));
        return rows;
    }

    public static int Run(this NpgsqlConnection connection, string text, params object?[] values)
    {
        using var command = new NpgsqlCommand(text, connection);
        Bind(command, values);
        return command.ExecuteNonQuery();
    }

    private static void Bind(NpgsqlCommand command, object?[] values)
    {
        foreach (var value in values)
            command.Parameters.Add(value is double?
                ? new() { Value = value, NpgsqlDbType = NpgsqlDbType.Double } : new NpgsqlParameter { Value = value ?? DBNull.Value });
    }
}
