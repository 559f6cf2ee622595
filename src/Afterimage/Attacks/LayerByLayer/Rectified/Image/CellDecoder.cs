namespace Afterimage.Attacks;

/// <summary>
/// Guesses an image from features behind a few layers: every patch of it is a linear function of the features around, learned by ridge
/// regression on procedural images. All places share one function, so that few images teach it.
/// </summary>
internal sealed class CellDecoder
{
    private const int FarReach = 3;

    /// <summary>Features around a cell beyond which its own must do.</summary>
    private const long MostAround = 4000;
    private const double Ridge = 1e-3;

    // Weight of the position, which shows the border, beside the features.
    private const double PlaceWeight = 0.3;
    private const int MostPlaces = 256;

    private readonly long[] features;
    private readonly int reach;
    private readonly Tensor places;
    private readonly Tensor inside;
    private readonly Tensor? gram;
    private readonly Tensor? moments;

    /// <param name="features">[C,h,w].</param>
    /// <param name="image">[C,H,W].</param>
    /// <param name="pieces">Between image and features.</param>
    /// <param name="examples">Batches of images [N,C,H,W] with their features [N,C,h,w].</param>
    public CellDecoder(
        long[] features, long[] image, IEnumerable<RectifiedPiece> pieces, IEnumerable<(Tensor Images, Tensor Features)> examples)
    {
        this.features = features;
        reach = features[0] * FarReach * FarReach > MostAround ? 1 : FarReach;
        var (stride, offset) = pieces.Aggregate((Stride: 1L, Offset: 0L), (place, piece) => piece.Locate(place.Stride, place.Offset));
        // Every pixel belongs to the patch of one cell, those of the border to the nearest.
        (long Cell, long Inside) At(long pixel, long cells)
        {
            var cell = Math.Clamp((pixel - offset) / stride, 0, cells - 1);
            return (cell, Math.Clamp(pixel - offset - cell * stride, 0, stride - 1));
        }
        var pixels = from y in Enumerable.Range(0, (int)image[1])
                     from x in Enumerable.Range(0, (int)image[2])
                     let row = At(y, features[1])
                     let column = At(x, features[2])
                     select (Cell: row.Cell * features[2] + column.Cell, Inside: row.Inside * stride + column.Inside);
        (Stride, Offset) = (stride, offset);
        places = tensor([.. pixels.Select(pixel => pixel.Cell)]);
        inside = tensor([.. pixels.Select(pixel => pixel.Inside)]);
        foreach (var (images, seen) in examples)
        {
            using var scope = Tidy.Scope();
            var (inputs, outputs) = (Surroundings(seen), Patches(images, image));
            var (left, right) = (inputs.t().matmul(inputs), inputs.t().matmul(outputs));
            (gram, moments) = gram is null
                ? (left.MoveToOuterDisposeScope(), right.MoveToOuterDisposeScope()) : (gram.add_(left), moments!.add_(right));
        }
    }

    private long Stride { get; }

    private long Offset { get; }

    /// <summary>The images in [0,1] that features [N,C,h,w] suggest.</summary>
    public Tensor Decode(Tensor seen, long[] image) => Tidy.Keep(() =>
    {
        var normal = gram!.to(ScalarType.Float64);
        var diagonal = normal.diagonal();
        var filter = Factorization.Solve(normal + diag(diagonal * Ridge + 1e-9 * diagonal.mean()), moments!.to(ScalarType.Float64),
            "The second moment of features").to(seen.dtype);
        var patches = Surroundings(seen).matmul(filter).reshape(seen.shape[0], features[1] * features[2], image[0], Stride * Stride);
        var pixels = patches.permute(0, 2, 1, 3).flatten(2).index_select(2, places * (Stride * Stride) + inside);
        return (pixels.reshape([seen.shape[0], .. image]) + 0.5).clamp(0, 1);
    });

    /// <summary>[N * cells,inputs].</summary>
    private Tensor Surroundings(Tensor seen)
    {
        var cells = features[1] * features[2];
        var around = nn.functional.unfold(seen, (reach, reach), (1, 1), (reach / 2, reach / 2), (1, 1))
            .transpose(1, 2).reshape(seen.shape[0] * cells, -1);
        var place = cells <= MostPlaces ? eye(cells, cells, seen.dtype) * PlaceWeight : full([cells, 1], PlaceWeight, seen.dtype);
        return cat([around, place.repeat(seen.shape[0], 1)], 1);
    }

    /// <summary>[N * cells,channels * stride * stride], without the gray.</summary>
    private Tensor Patches(Tensor images, long[] image)
    {
        long Pixel(long cell, long within, long count) => Math.Clamp(cell * Stride + within + Offset, 0, count - 1);
        var index = tensor([.. from row in Enumerable.Range(0, (int)features[1])
                               from column in Enumerable.Range(0, (int)features[2])
                               from y in Enumerable.Range(0, (int)Stride)
                               from x in Enumerable.Range(0, (int)Stride)
                               select Pixel(row, y, image[1]) * image[2] + Pixel(column, x, image[2])]);
        var pixels = (images - 0.5).flatten(2).index_select(2, index);
        return pixels.reshape(images.shape[0], image[0], features[1] * features[2], Stride * Stride).permute(0, 2, 1, 3)
            .reshape(images.shape[0] * features[1] * features[2], -1);
    }
}
