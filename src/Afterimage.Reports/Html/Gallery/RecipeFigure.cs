namespace Afterimage.Reports.Html;

/// <summary>Title, unit and number format of a figure in a recipe's table.</summary>
internal sealed record RecipeFigure(string Title, string Unit, Func<double, string> Format)
{
    public static RecipeFigure Of(string name) => name switch
    {
        "psnr" => new("PSNR", "dB", value => Numbers.Fixed(value, 1)),
        "baseline" => new("Best baseline", "dB", value => Numbers.Fixed(value, 1)),
        "forecast" => new("Forecast", "dB", value => Numbers.Fixed(value, 1)),
        "ssim" => new("SSIM", "", value => Numbers.Fixed(value, 3)),
        "mse" => new("MSE", "", Numbers.Short),
        "labels" => new("Labels right", "%", value => Numbers.Fixed(value, 0)),
        "directions" => new("Directions told", "%", value => Numbers.Fixed(value, 1)),
        "converged" => new("Converged", "%", value => Numbers.Fixed(value, 0)),
        "misfit" => new("Misfit", "", Numbers.Short),
        "evaluations" => new("Evaluations", "", value => Numbers.Count((long)Math.Round(value))),
        "cpu" => new("CPU", "s", value => Numbers.Fixed(value, 1)),
        _ => new(name, "", Numbers.Short),
    };

    public string TitleWithUnit => Unit.Length == 0 ? Title : $"{Title} ({Unit})";

    public string WithUnit(double value) => Unit.Length == 0 ? Format(value) : $"{Format(value)}\u00A0{Unit}";

    /// <summary>The median, and the range around it where there is one.</summary>
    public Element Cell(Spread? spread) => spread is null ? Markup.Tag("td", "–")
        : Format(spread.Minimum) == Format(spread.Maximum) ? Markup.Tag("td", Format(spread.Median))
        : Markup.Tag("td", Markup.Tag("span", Format(spread.Median)), " ",
            Markup.Tag("small", ("class", "baseline"), $"{Format(spread.Minimum)} to {Format(spread.Maximum)}"));
}
