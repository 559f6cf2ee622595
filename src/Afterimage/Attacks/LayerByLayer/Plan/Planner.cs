using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>Finds the way for one model: closed forms first, then the recursion through ReLU, then a search alone.</summary>
internal sealed class Planner
{
    /// <summary>Equations for every unknown where only those count whose ReLU is on.</summary>
    private const double Spare = 1.2;

    private readonly Network network;
    private readonly bool train;
    private readonly long pixels;
    private readonly List<PlannedLayer> layers = [];

    /// <summary>A layer that is read blindly with hardly a channel to spare; null for none.</summary>
    private string? scarce;
    private readonly Dictionary<string, FeatureFront> inputs;

    private Planner(Network network, bool train)
    {
        (this.network, this.train, pixels) = (network, train, network.Input.Count);
        inputs = FeatureFront.All(network).ToDictionary(front => NameOf(front.Layer));
    }

    public static InversionPlan Plan(VictimModel model, bool train)
    {
        if (PatchEmbedding.Of(model) is { } embedding)
            return Transformer(model, embedding);
        return model.Network is { } network ? new Planner(network, train).Plan()
            : new([], ImagePromise.Determined, ["The layers are unknown, so only a search over the whole update is left: " +
                "\"afterimage leakage\" forecasts what it can find."]);
    }

    private static InversionPlan Transformer(VictimModel model, PatchEmbedding embedding)
    {
        var entry = model.Layout.Entries[embedding.Weight];
        var (patches, features) = (embedding.Patches, entry.Shape[0]);
        var enough = features >= patches;
        var counts = $"{features} equations for the {patches} patches of every number in a patch";
        return new([new(Plain(entry.Name), model.Input.Count, patches, features, LayerReading.Exact, 0)],
            enough ? ImagePromise.Exact : ImagePromise.Plausible,
            [$"The gradient of the positional embedding is dL/dz of every token, and {entry.Name} then gives {counts}: " +
                (enough ? "the image exactly, without a search." : "the most plausible image, without a search.")]);
    }

    private InversionPlan Plan()
    {
        if (network.Layers.First(layer => layer is not (Flatten or Dropout)) is Linear { Bias: true } first)
        {
            Add(first.Name, LayerReading.Exact);
            return Ended(ImagePromise.Exact, $"{first.Name} takes in the image and has a bias: the bias attack gives the image exactly.");
        }
        if (network.Layers[^1] is not Linear)
            return Open("The network does not end in a linear layer, so nothing is known behind it.");
        return RecursiveInversion.Unreadable(network) is null && Backwards() is { } smooth ? smooth : Rectified();
    }

    /// <summary>Every layer in turn by R-GAP; null where one has too few equations.</summary>
    private InversionPlan? Backwards()
    {
        var known = 1.0;
        var read = new List<string>();
        foreach (var layer in network.Layers.Reverse())
        {
            if (layer is Activation activation)
                known = activation.Kind == ActivationKind.ReLU ? 0.5 : 1;
            // Which half of a ReLU's outputs is on is chance, so that there must be some to spare.
            if (layer is Conv2d conv && (WindowReach.Unseen(conv, InputOf(conv)) > 0
                || known * WindowReach.Outputs(conv, InputOf(conv)) + WeightsOf(conv) < (known < 1 ? Spare : 1) * Count(InputOf(conv))))
                return null;
            if (layer is Linear or Conv2d)
                read.Add(NameOf(layer));
        }
        read.ForEach(name => Add(name, LayerReading.Exact));
        return Ended(ImagePromise.Exact, "Every layer's input follows from linear equations, from the head down to the image (R-GAP).");
    }

    private InversionPlan Rectified()
    {
        var chain = ChainForm.Of(network, train);
        if (chain.Obstacle is not null)
            return Behind(chain.Obstacle);
        foreach (var linear in chain.Linears.Reverse())
            Add(linear.Name, LayerReading.Exact);
        if ((chain.IsResidual ? Units(chain) : (chain.Pieces.Count, null)) is not var (from, inside))
            return Search(0, chain.Pieces.Count, chain, "The features are averaged over all places, and no unit's weight gradient has " +
                "the rank of its places: nothing in front of the head is known.");
        // GroupNorm hides the scale of an image, which no layer in front tells.
        for (; from > 0 && chain.Pieces[from - 1] is BlockForm { IsDetermined: true } block && (from > 1 || block.Groups is null); from--)
            Add(block.Conv.Name, LayerReading.Exact);
        return from == 0 ? Ended(ImagePromise.Exact, "Every layer's input follows from linear equations, from the head down to the image.")
            : Search(inside ?? Count(chain.Pieces[from - 1].Leaving), from, chain, null);
    }

    /// <summary>
    /// How many pieces lie in front of what residual units give away, and what is known within the last of them where its input is not
    /// solved for; null where they give nothing.
    /// </summary>
    private (int Depth, long? Features)? Units(ChainForm chain)
    {
        var units = chain.Pieces.OfType<UnitForm>().ToList();
        var blind = units.LastOrDefault(unit => unit.First.IsBlind)?.First
            ?? units[^1].Body.Skip(1).LastOrDefault(block => block.IsBlind);
        if (blind is null)
            return null;
        Add(blind.Conv.Name, LayerReading.Blind);
        scarce = (blind with { Conv = blind.Conv with { Input = Sparing(blind.Conv.Input), Output = Sparing(blind.Conv.Output) },
            Input = [Sparing(blind.Conv.Input), .. blind.Input[1..]] }).IsBlind ? null : blind.Conv.Name;
        var depth = chain.Pieces.Count;
        for (; chain.Pieces[depth - 1] is UnitForm { IsDetermined: true } unit; depth--)
        {
            foreach (var block in unit.Body.Skip(1).Reverse().Where(block => block != blind))
                Add(block.Conv.Name, LayerReading.Exact);
            if (!unit.ReadsInput(pixels))
                return (depth, unit.Features);
            if (unit.First != blind)
                Add(unit.First.Conv.Name, LayerReading.Exact);
        }
        return (depth, null);
    }

    /// <summary>Where the recursion does not apply: what linear layers at the end give, and what stands against more.</summary>
    private InversionPlan Behind(string obstacle)
    {
        var tail = network.Layers.Reverse().Where(layer => layer is not Dropout)
            .TakeWhile(layer => layer is Linear or Activation).OfType<Linear>().ToList();
        // A bias tells dL/dz, whatever stands behind the layer.
        tail = [tail[0], .. tail.Skip(1).TakeWhile(linear => linear.Bias)];
        tail.ForEach(linear => Add(linear.Name, LayerReading.Exact));
        var convolutions = network.Layers.OfType<Conv2d>().ToList();
        var gradient = convolutions.Sum(WeightsOf);
        if (SmoothInversion.Unreadable(network) is null && tail[^1].Input + gradient >= pixels)
        {
            foreach (var conv in convolutions.AsEnumerable().Reverse())
                Add(conv.Name, LayerReading.Search);
            return Ended(ImagePromise.Determined, $"{tail[^1].Input:N0} features in front of {tail[^1].Name} are known exactly; the " +
                $"image, {pixels:N0} numbers, is searched for by them and {gradient:N0} numbers of weight gradients: enough in number; " +
                "the leakage forecast says how well they determine it.");
        }
        return Open($"{tail[^1].Input:N0} features in front of {tail[^1].Name} are known exactly; further down nothing is solved for: " +
            $"{Hidden() ?? $"{char.ToLowerInvariant(obstacle[0])}{obstacle[1..].Split(':')[0].TrimEnd('.')}"}.");
    }

    /// <summary>What LayerNorm and attention keep from an inversion layer by layer; null where there is neither.</summary>
    private string? Hidden()
    {
        var all = network.Layers.SelectMany(layer => layer.Within).ToList();
        var mixed = all.Any(layer => layer is Attention) ? "attention mixes the tokens, and " : "";
        return !all.Any(layer => layer is LayerNorm) && mixed.Length == 0 ? null
            : $"{mixed}LayerNorm hides the mean and the deviation of what enters it, so that neither the input of a layer in front of " +
                "one nor its dL/dz follows from what leaves it";
    }

    /// <param name="known">Features that are known; 0 for none.</param>
    /// <param name="depth">Pieces in front of it.</param>
    /// <param name="chain">All pieces.</param>
    /// <param name="reason">Why nothing is known.</param>
    private InversionPlan Search(long known, int depth, ChainForm chain, string? reason)
    {
        var left = chain.Pieces.Take(depth).SelectMany(piece => piece switch
        {
            UnitForm unit => unit.All,
            _ => [(BlockForm)piece],
        }).Reverse().ToList();
        foreach (var block in left.Where(block => layers.All(layer => layer.Name != block.Conv.Name)))
            Add(block.Conv.Name, LayerReading.Search);
        if (reason is not null)
            return Open(reason);
        var gradient = left.Sum(block => WeightsOf(block.Conv));
        var promise = known >= KnownFeatures.Abundant * pixels ? ImagePromise.Exact : known + gradient >= pixels ? ImagePromise.Determined
            : ImagePromise.Plausible;
        return Ended(promise, $"{known:N0} features behind {left[0].Conv.Name} are known exactly; the image, {pixels:N0} numbers, is " +
            $"searched for by them and {gradient:N0} numbers of weight gradients: " + promise switch
            {
                ImagePromise.Exact => "exact.",
                ImagePromise.Determined => "enough in number; the leakage forecast says how well they determine it.",
                _ => "too few, so the most plausible image with these features is found.",
            });
    }

    private InversionPlan Open(string reason)
    {
        foreach (var name in inputs.Keys.Reverse().Where(name => layers.All(layer => layer.Name != name)))
            Add(name, LayerReading.Search);
        return Ended(ImagePromise.Determined, reason + " The image is searched for by the whole update; the leakage forecast says how " +
            "well that determines it.");
    }

    /// <summary>Channels that are left where one in four is off.</summary>
    private static int Sparing(int channels) => channels * 3 / 4;

    private InversionPlan Ended(ImagePromise promise, string sentence)
    {
        if (scarce is not null)
            (promise, sentence) = (promise == ImagePromise.Exact ? ImagePromise.Determined : promise,
                $"{sentence} {scarce} has just enough channels for its places: where some are off, nothing in front of the head is known.");
        if (network.Layers[0] is Conv2d first && WindowReach.Unseen(first, InputOf(first)) is > 0 and var unseen)
            (promise, sentence) = (ImagePromise.Plausible,
                $"{sentence} {unseen:N0} numbers of the image are in no window of {first.Name}, so that nothing tells them.");
        var largest = layers.MaxBy(layer => layer.LargestBatch);
        var statistics = train && network.Layers.SelectMany(layer => layer.Within).Any(layer => layer is BatchNorm2d);
        return new([.. layers], promise,
        [
            sentence,
            .. statistics ? ["In train mode whatever is solved for needs the statistics of the batch, for dL/dz holds means over it."]
                : Array.Empty<string>(),
            largest is { LargestBatch: > 1 }
                ? $"Batches: the weight gradient of {largest.Name} takes up to {largest.LargestBatch:N0} images apart, whatever their " +
                    "labels."
                : "Batches: no weight gradient of a layer behind a ReLU takes two images apart by itself.",
        ]);
    }

    private void Add(string name, LayerReading reading)
    {
        var (_, layer, input, rectified, _) = inputs[name];
        var map = LayerMap.Of(layer, input);
        layers.Add(new(name, Count(input), map.Places, map.Equations, reading,
            rectified ? SeparableBatch.Largest(layer, input, train) : 0));
    }

    private long[] InputOf(Layer layer) => inputs[NameOf(layer)].Input;

    private static long WeightsOf(Layer layer) => Count([.. layer.Parameters.First().Shape]);

    private static string NameOf(Layer layer) => layer is Linear linear ? linear.Name : Plain(layer.Parameters.First().Name);

    private static string Plain(string parameter) => parameter[..parameter.LastIndexOf('.')];

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
