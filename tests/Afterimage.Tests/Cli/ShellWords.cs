using System.Text;

namespace Afterimage.Tests.Cli;

/// <summary>A command line as a shell takes it apart: quotes, comments, and the end at a redirection.</summary>
internal static class ShellWords
{
    public static string[] Split(string line)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        char? quote = null;
        foreach (var letter in line)
        {
            if (letter == quote)
                quote = null;
            else if (quote is not null)
                word!.Append(letter);
            else if (letter is '"' or '\'')
                (quote, word) = (letter, word ?? new());
            else if (word is null && letter is '#' or '>')
                break;
            else if (letter != ' ')
                word = (word ?? new()).Append(letter);
            else if (word is not null)
            {
                words.Add(word.ToString());
                word = null;
            }
        }
        if (word is not null)
            words.Add(word.ToString());
        return [.. words];
    }
}
