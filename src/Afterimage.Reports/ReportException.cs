namespace Afterimage.Reports;

/// <summary>A fault of a report, a journal or a picture on disk: its message names the file and says what to do.</summary>
public sealed class ReportException : Exception
{
    public ReportException(string message) : base(message) { }

    public ReportException(string message, Exception inner) : base(message, inner) { }
}
