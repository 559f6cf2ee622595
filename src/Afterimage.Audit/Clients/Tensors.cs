namespace Afterimage.Audit.Clients;

/// <summary>Images of the auditor's side, which are plain numbers, as tensors and back.</summary>
internal static class Tensors
{
    /// <summary>Shape [B,C,H,W].</summary>
    public static Tensor From(ImageBatch images, ScalarType type, Device device)
    {
        var flat = new float[images.Count * images.Shape.Count];
        for (var i = 0; i < images.Count; i++)
            images[i].Pixels.CopyTo(flat.AsSpan(i * images.Shape.Count));
        return tensor(flat, [images.Count, images.Shape.Channels, images.Shape.Height, images.Shape.Width], type, device);
    }

    /// <summary>One array for each image of a tensor of shape [B,C,H,W].</summary>
    public static float[][] Split(Tensor images)
    {
        using var scope = Afterimage.Numerics.Tidy.Scope();
        var flat = images.detach().to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
        return [.. flat.Chunk(flat.Length / (int)images.shape[0])];
    }
}
