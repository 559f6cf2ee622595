using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Tests.Attacks.LayerByLayer;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public class BestTests
{
    [Fact]
    public void The_first_layer_is_read_where_it_can_be()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 24 }, new(1, 8, 8), [3]);
        using var found = new Best().Run(client.Context);
        Assert.Equal("Bias attack was chosen.", found.Notes[0]);
        Assert.InRange(client.Judge(found).Psnr[0], 90, double.PositiveInfinity);
    }

    [Fact]
    public void A_single_image_behind_convolutions_is_read_layer_by_layer()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(3, 16, 16), [3]);
        using var found = new Best().Run(client.Context);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.Equal("Recursion through the layers was chosen.", found.Notes[0]);
        Assert.Contains(found.Notes, note => note.StartsWith("Bias attack: ", StringComparison.Ordinal));
        Assert.InRange(client.Judge(found).Psnr[0], 80, double.PositiveInfinity);
    }

    [Fact]
    public void A_batch_behind_convolutions_is_left_to_second_order_and_the_notes_say_why()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(1, 8, 8), [3, 5]);
        using var found = new Best().Run(client.Context);
        Assert.Equal("Gauss-Newton was chosen.", found.Notes[0]);
        Assert.Contains(found.Notes, note => note.Contains("it reads one image, not a batch", StringComparison.Ordinal));
    }

    [Fact]
    public void A_single_image_behind_a_residual_network_is_read_from_the_head_down()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(new ResNet { Depth = 20 }.Open(new(3, 16, 16), 10, new(1), ScalarType.Float32, CPU), [4]);
        using var found = new Best().Run(client.Context);
        Assert.Equal("Recursion through ReLU was chosen.", found.Notes[0]);
        Assert.DoesNotContain(found.Notes, note => note.StartsWith("Search from the head down", StringComparison.Ordinal));
        Assert.True(client.Judge(found).Psnr[0] > 25, $"{client.Judge(found).Psnr[0]}\n{string.Join("\n", found.Notes)}");
    }
}
