using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

/// <summary>What PyTorch writes for transformers and ConvNeXt becomes layers that give libtorch's own gradients.</summary>
public sealed class TransformerScriptTests : IDisposable
{
    /// <summary>Weight and bias of modules as variables, the tokens t of the image x, the batch size n.</summary>
    private const string Tokens = "t = torch.transpose(torch.flatten(x, 2), 1, 2)\nn = torch.size(x)[0]\n";

    private readonly TemporaryFolder folder = new();

    private static string Variables(params string[] modules) =>
        string.Concat(modules.Select(name => $"{name} = self.{name}\n{name}w = {name}.weight\n{name}b = {name}.bias\n"));

    private void Agree(string body, int features, string registered, params Type[] layers) =>
        Agree(body, features, registered, isTwice: true, layers);

    /// <param name="body">Code between the convolution and the head.</param>
    /// <param name="features">Inputs of the head.</param>
    /// <param name="registered">Modules and parameters in their order.</param>
    /// <param name="isTwice">Whether libtorch can differentiate the script twice.</param>
    /// <param name="layers">What is read, in order of execution.</param>
    private void Agree(string body, int features, string registered, bool isTwice, Type[] layers)
    {
        using var _ = NewDisposeScope();
        var file = SmallScript.Save(folder, body, features, registered);
        var network = file.Open(SmallScript.Input, 4, new(5), ScalarType.Float64, CPU);
        Assert.True(network is NetworkModel, string.Join(" ", network.Notes));
        Assert.Equal(layers, network.Network!.Layers.SelectMany(layer => layer.Within).Select(layer => layer.GetType()));
        var script = file.OpenScript(SmallScript.Input, 4, ScalarType.Float64, CPU);
        using var generator = new RandomSource(9).Generator(CPU);
        var batch = new Batch(rand([3, 2, 6, 6], ScalarType.Float64, CPU, generator: generator), eye(4, dtype: ScalarType.Float64)[..3]);
        var (found, expected) = (new FedSgd().Linearize(network, batch), new FedSgd().Linearize(script, batch));
        AssertClose(found.Value.Flat, expected.Value.Flat);
        var pulled = found.Pullback(expected.Value).Inputs;
        Assert.True(pulled.norm().ToDouble() > 0);
        if (isTwice)
            AssertClose(pulled, expected.Pullback(expected.Value).Inputs);
    }

    private static void AssertClose(Tensor found, Tensor expected) =>
        Assert.InRange(((found - expected).norm() / expected.norm()).ToDouble(), 0, 1e-11);

    [Fact]
    public void Channels_are_normalized_and_scaled_as_ConvNeXt_does() => Agree(Variables("ln", "proj") + """
        c = torch.permute(x, [0, 2, 3, 1])
        h = torch.gelu(torch.linear(torch.layer_norm(c, [3], lnw, lnb, 9.9999999999999995e-07), projw, projb))
        r = torch.add_(torch.mul(self.scale, torch.permute(h, [0, 3, 1, 2])), x)
        y = torch.flatten(r, 1)
        """, 108, "conv, ln, proj, scale, head", typeof(Conv2d), typeof(Residual), typeof(ImageToTokens), typeof(LayerNorm), typeof(Linear),
        typeof(Activation), typeof(TokensToImage), typeof(LayerScale), typeof(Flatten), typeof(Linear));

    /// <summary>A class token, learned positions, one packed projection, and the class token alone in front of the head.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_vision_transformer_of_packed_heads_is_read(int heads) => Agree(Tokens + Variables("ln", "qkv", "proj") + $"""
        e = torch.add(torch.cat([torch.expand(self.token, [n, -1, -1]), t], 1), self.places)
        p = torch.linear(torch.layer_norm(e, [3], lnw, lnb), qkvw, qkvb)
        h = torch.permute(torch.view(p, [n, 37, 3, {heads}, {3 / heads}]), [2, 0, 3, 1, 4])
        k = torch.transpose(torch.select(h, 0, 1), -2, -1)
        s = torch.softmax(torch.mul(torch.matmul(torch.select(h, 0, 0), k), 0.5), -1)
        o = torch.reshape(torch.transpose(torch.matmul(s, torch.select(h, 0, 2)), 1, 2), [n, 37, 3])
        z = torch.add(e, torch.linear(o, projw, projb))
        y = torch.select(torch.slice(z, 0, 0, 9223372036854775807), 1, 0)
        """, 3, "conv, token, places, ln, qkv, proj, head", typeof(Conv2d), typeof(ImageToTokens), typeof(ClassToken),
        typeof(PositionalEmbedding), typeof(Residual), typeof(LayerNorm), typeof(Linear), typeof(Attention), typeof(Linear),
        typeof(TokenRange), typeof(Flatten), typeof(Linear));

    /// <summary>As nn.MultiheadAttention computes it, with tokens in front of the batch and heads beside images.</summary>
    [Fact]
    public void Separate_projections_with_the_batch_second_are_read()
    {
        static string Head(string name) => $"torch.transpose(torch.view(torch.contiguous({name}), [36, torch.mul(n, 3), 1]), 0, 1)";
        Agree(Tokens + Variables("q", "k", "v", "proj") + $"""
            b = torch.transpose(t, 1, 0)
            queries = torch.div({Head("torch.linear(b, qw, qb)")}, 1.5)
            keys = {Head("torch.linear(b, kw, kb)")}
            s = torch.softmax(torch.bmm(queries, torch.transpose(keys, -2, -1)), 2)
            a = torch.bmm(torch.dropout(s, 0., False), {Head("torch.linear(b, vw, vb)")})
            r = torch.view(torch.contiguous(torch.transpose(a, 0, 1)), [torch.mul(36, n), 3])
            o = torch.transpose(torch.view(torch.linear(r, projw, projb), [36, n, 3]), 1, 0)
            y = torch.mean(torch.mul(o, self.tail), [1])
            """, 3, "conv, q, k, v, proj, tail, head", typeof(Conv2d), typeof(ImageToTokens), typeof(Concatenation), typeof(Linear),
            typeof(Linear), typeof(Linear), typeof(Attention), typeof(Linear), typeof(LayerScale), typeof(TokenMean), typeof(Linear));
    }

    /// <summary>libtorch has no second derivative of it, and the layer has.</summary>
    [Fact]
    public void Fused_attention_is_read() => Agree(Tokens + Variables("qkv") + """
        a, b, c = torch.chunk(torch.linear(t, qkvw, qkvb), 3, -1)
        queries = torch.transpose(torch.view(a, [n, 36, 1, 3]), 1, 2)
        keys = torch.transpose(torch.view(b, [n, 36, 1, 3]), 1, 2)
        values = torch.transpose(torch.view(c, [n, 36, 1, 3]), 1, 2)
        o = torch.scaled_dot_product_attention(queries, keys, values, None, 0., False)
        z = torch.slice(torch.flatten(torch.transpose(o, 1, 2), 2), 1, 6, 36)
        y = torch.flatten(torch.reshape(torch.transpose(z, 1, 2), [n, 3, 5, 6]), 1)
        """, 90, "conv, qkv, head", isTwice: false, [typeof(Conv2d), typeof(ImageToTokens), typeof(Linear), typeof(Attention),
        typeof(TokenRange), typeof(TokensToImage), typeof(Flatten), typeof(Linear)]);

    [Fact]
    public void Normalizations_over_several_dimensions_and_of_instances_are_read() => Agree("""
        i = torch.instance_norm(x, None, None, None, None, True, 0.10000000000000001, 1.0000000000000001e-05, True)
        y = torch.flatten(torch.layer_norm(torch.relu(i), [6, 6]), 1)
        """, 108, "conv, head", typeof(Conv2d), typeof(GroupNorm), typeof(Activation), typeof(LayerNorm), typeof(Flatten), typeof(Linear));

    /// <summary>nn.MultiheadAttention traced without gradients, which libtorch cannot differentiate.</summary>
    [Fact]
    public void A_fast_path_without_gradients_becomes_layers_that_have_them()
    {
        using var _ = NewDisposeScope();
        var model = SmallScript.Save(folder, Tokens + Variables("qkv", "proj") + """
            o, w = torch._native_multi_head_attention(t, t, t, 3, 3, qkvw, qkvb, projw, projb, None, False)
            y = torch.mean(o, [1])
            """, 3, "conv, qkv, proj, head").Open(SmallScript.Input, 4, new(5), ScalarType.Float32, CPU);
        Assert.True(model is NetworkModel, string.Join(" ", model.Notes));
        Assert.Contains(model.Network!.Layers, layer => layer is Attention { Heads: 3 });
    }

    [Theory]
    [InlineData("y = torch.flatten((self.odd).forward(x, ), 1)", 108, "conv, odd, head",
        "cumsum is not a layer that Afterimage knows (in odd)")]
    [InlineData("s = torch.matmul(t, torch.transpose(t, 1, 2))\nw = torch.softmax(torch.add(s, 1), -1)\n" +
        "y = torch.mean(torch.matmul(w, t), [1])", 3, "conv, head", "adds a mask or a bias to the scores")]
    [InlineData("y = torch.mean(torch.mul(t, 2), [1])", 3, "conv, head", "mean is applied to an activation times a number")]
    [InlineData("i = torch.instance_norm(x, normw, normb, norm.running_mean, norm.running_var, False, 0.1, 1e-05, True)\n" +
        "y = torch.flatten(i, 1)", 108, "conv, norm, head", "an InstanceNorm with running statistics, norm.weight, is not a layer")]
    [InlineData("y = torch.mean(torch.add(t, norm.running_mean), [1])", 3, "conv, norm, head",
        "computes with norm.running_mean, which is no parameter")]
    public void What_is_not_read_is_named(string body, int features, string registered, string reason)
    {
        var before = registered.Contains("norm", StringComparison.Ordinal) ? Variables("norm") : "";
        using var model = SmallScript.Save(folder, Tokens + before + body, features, registered)
            .Open(SmallScript.Input, 4, new(5), ScalarType.Float32, CPU);
        Assert.Contains(reason, Assert.Single(model.Notes), StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();
}
