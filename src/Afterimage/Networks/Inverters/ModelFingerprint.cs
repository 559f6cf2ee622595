using System.Security.Cryptography;
using System.Text;
using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>Two numbers by which a file that was made for one model knows it again.</summary>
/// <param name="Architecture">SHA-256 of what the model is whatever its weights: layers, shapes, input, classes, normalization.</param>
/// <param name="Weights">SHA-256 of parameters and buffers in single precision.</param>
public sealed record ModelFingerprint(string Architecture, string Weights)
{
    /// <summary>The fingerprint of a model, the same in every precision and on every device.</summary>
    public static ModelFingerprint Of(VictimModel model)
    {
        var words = new StringBuilder().Append(model.Input).Append('/').Append(model.Classes).Append('/').Append(model.Normalization);
        foreach (var entry in model.Layout.Entries)
            words.Append('/').Append(entry.Name).Append('[').AppendJoin(',', entry.Shape).Append(']');
        foreach (var layer in model.Network?.Layers.SelectMany(layer => layer.Within) ?? [])
            words.Append('/').Append(layer);
        using var weights = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var scope = Tidy.Scope();
        var buffers = model.Buffers.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value);
        foreach (var tensor in model.Parameters.Concat(buffers))
            weights.AppendData(tensor.detach().cpu().to(ScalarType.Float32).contiguous().bytes);
        return new(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(words.ToString()))),
            Convert.ToHexStringLower(weights.GetHashAndReset()));
    }
}
