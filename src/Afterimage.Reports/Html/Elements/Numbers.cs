using System.Globalization;

namespace Afterimage.Reports.Html;

/// <summary>Rounded numbers for readers; report.json has the exact ones.</summary>
internal static class Numbers
{
    public static string Fixed(double value, int digits) =>
        double.IsFinite(value) ? Sign(value.ToString("F" + digits, CultureInfo.InvariantCulture)) : NotFinite(value);

    public static string Percent(double fraction) => Fixed(100 * fraction, fraction is > 0.99 and < 1 ? 1 : 0) + "\u00A0%";

    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(int value, string one, string many) => $"{Count(value)} {(value == 1 ? one : many)}";

    /// <summary>Three significant digits, as a power of ten where the plain form would be long.</summary>
    public static string Short(double value)
    {
        if (!double.IsFinite(value))
            return NotFinite(value);
        if (value == 0)
            return "0";
        var exponent = (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return exponent is >= -3 and < 5
            ? Sign(value.ToString("0." + new string('#', Math.Max(0, 2 - exponent)), CultureInfo.InvariantCulture))
            : Power((value / Math.Pow(10, exponent)).ToString("0.#", CultureInfo.InvariantCulture), exponent);
    }

    private static string Power(string mantissa, int exponent) =>
        mantissa == "1" ? PowerOfTen(exponent) : $"{Sign(mantissa)}\u202F×\u202F{PowerOfTen(exponent)}";

    public static string PowerOfTen(int exponent) =>
        "10" + string.Concat(exponent.ToString(CultureInfo.InvariantCulture)
            .Select(digit => digit == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit - '0']));

    public static string Seconds(double seconds) => seconds switch
    {
        < 10 => Fixed(seconds, 1) + "\u00A0s",
        < 120 => Fixed(seconds, 0) + "\u00A0s",
        < 7200 => $"{Fixed(Math.Floor(seconds / 60), 0)}\u00A0min {Fixed(Math.Floor(seconds % 60), 0)}\u00A0s",
        _ => $"{Fixed(Math.Floor(seconds / 3600), 0)}\u00A0h {Fixed(Math.Floor(seconds % 3600 / 60), 0)}\u00A0min",
    };

    /// <summary>Coordinates of a drawing.</summary>
    public static string Coordinate(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    private static string Sign(string text) => text.Replace('-', '−');

    private static string NotFinite(double value) => double.IsNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
}
