namespace Afterimage.Reports;

/// <summary>How a case ended, in words for people.</summary>
public static class OutcomeText
{
    /// <summary>"Did not converge" for BudgetSpent; outcomes that are words already stay as they are.</summary>
    public static string Of(string outcome) => outcome switch
    {
        "BudgetSpent" => "Did not converge",
        "Canceled" => "Stopped",
        _ => outcome,
    };
}
