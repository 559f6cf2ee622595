namespace Afterimage.Numerics.Arrays;

/// <summary>The header of a NumPy array: a Python dictionary with descr, fortran_order and shape, in any order.</summary>
internal sealed class NpyHeader
{
    private readonly string text;
    private readonly string file;
    private readonly string name;
    private int at;

    public NpyHeader(string text, string file, string name)
    {
        (this.text, this.file, this.name) = (text, file, name);
        string? descriptor = null;
        bool? columnMajor = null;
        long[]? shape = null;
        Expect('{');
        while (!Accept('}'))
        {
            var key = QuotedText();
            Expect(':');
            switch (key)
            {
                case "descr" when descriptor is null:
                    descriptor = Accept('[') ? throw Fault("is a structured array, which is not read: save plain arrays of numbers") : QuotedText();
                    break;
                case "fortran_order" when columnMajor is null:
                    columnMajor = Word() switch { "True" => true, "False" => false, _ => throw Damaged() };
                    break;
                case "shape" when shape is null:
                    shape = Extents();
                    break;
                default:
                    throw Damaged();
            }
            if (!Accept(','))
            {
                Expect('}');
                break;
            }
        }
        Skip();
        if (at < text.Length || descriptor is null || columnMajor is null || shape is null)
            throw Damaged();
        (ColumnMajor, Shape) = (columnMajor.Value, shape);
        (Type, BigEndian) = Element(descriptor);
    }

    public ElementType Type { get; }

    public bool BigEndian { get; }

    public bool ColumnMajor { get; }

    public long[] Shape { get; }

    private (ElementType Type, bool BigEndian) Element(string descriptor)
    {
        var order = descriptor is ['<' or '>' or '|' or '=', ..] ? descriptor[0] : '=';
        var kind = descriptor.TrimStart('<', '>', '|', '=');
        if (kind.StartsWith('O'))
            throw Fault("holds pickled Python objects, which are never opened because they can run code: save plain arrays of numbers");
        ElementType? type = kind switch
        {
            "b1" or "?" => ElementType.Bool,
            "u1" => ElementType.UInt8,
            "u2" => ElementType.UInt16,
            "u4" => ElementType.UInt32,
            "u8" => ElementType.UInt64,
            "i1" => ElementType.Int8,
            "i2" => ElementType.Int16,
            "i4" => ElementType.Int32,
            "i8" => ElementType.Int64,
            "f2" => ElementType.Float16,
            "f4" => ElementType.Float32,
            "f8" => ElementType.Float64,
            _ => null,
        };
        return type is { } known ? (known, order == '>')
            : throw Fault($"has the element type \"{ArrayFault.Plain(descriptor)}\", which is not read: convert it with .astype(\"float32\")");
    }

    private long[] Extents()
    {
        var extents = new List<long>();
        Expect('(');
        while (!Accept(')'))
        {
            if (!long.TryParse(Word(), System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var extent))
                throw Fault("has a shape that is not made of whole numbers");
            extents.Add(extent);
            if (!Accept(','))
            {
                Expect(')');
                break;
            }
        }
        return [.. extents];
    }

    private string QuotedText()
    {
        Skip();
        if (at >= text.Length || text[at] is not ('\'' or '"'))
            throw Damaged();
        var end = text.IndexOf(text[at], at + 1);
        if (end < 0)
            throw Damaged();
        var value = text[(at + 1)..end];
        at = end + 1;
        return value;
    }

    private string Word()
    {
        Skip();
        var start = at;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] is '-' or '+' or '.'))
            at++;
        return text[start..at];
    }

    private bool Accept(char wanted)
    {
        Skip();
        if (at >= text.Length || text[at] != wanted)
            return false;
        at++;
        return true;
    }

    private void Expect(char wanted)
    {
        if (!Accept(wanted))
            throw Damaged();
    }

    private void Skip()
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
            at++;
    }

    private AfterimageException Damaged() => Fault("has a damaged NumPy header");

    private AfterimageException Fault(string reason) => ArrayFault.Tensor(file, name, reason);
}
