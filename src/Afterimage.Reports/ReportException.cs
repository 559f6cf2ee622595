namespace Afterimage.Reports;

/// <summary>A fault of a report, a journal or a picture on disk. Its message names the file and says what to do.</summary>
/// <param name="message">One sentence for the user.</param>
/// <param name="inner">What was caught, where there was something.</param>
public sealed class ReportException(string message, Exception? inner = null) : Exception(message, inner);
