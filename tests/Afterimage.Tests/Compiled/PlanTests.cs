using System.Numerics;
using Afterimage.Compiled;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;

namespace Afterimage.Tests.Compiled;

public class PlanTests
{
    public static TheoryData<string> Networks => ["lenet", "mlp", "convnet", "resnet", "mixed"];

    private static CompiledModel<T> Compile<T>(string name) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var model = Architectures.Model(Architectures.Named(name), 5);
        using var typed = model.To(typeof(T) == typeof(float) ? torch.ScalarType.Float32 : torch.ScalarType.Float64, torch.CPU);
        return CompiledModel.Of<T>(typed);
    }

    private static double Inner<T>(T[] a, T[] b)
        where T : INumberBase<T> => a.Zip(b, (x, y) => double.CreateTruncating(x) * double.CreateTruncating(y)).Sum();

    [Theory, MemberData(nameof(Networks))]
    public void Pullback_is_the_adjoint_of_pushforward(string name)
    {
        using var single = Compile<float>(name);
        using var exact = Compile<double>(name);
        AreAdjoint(new Products<float>(single, 2, 3), 1e-5);
        AreAdjoint(new Products<double>(exact, 2, 3), 1e-11);
    }

    private static void AreAdjoint<T>(Products<T> products, double tolerance) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (left, right) = (Inner(products.V, products.Push), Inner(products.PullImages, products.U));
        var scale = Math.Sqrt(Inner(products.PullImages, products.PullImages) * Inner(products.U, products.U));
        Assert.InRange(Math.Abs(left - right), 0, tolerance * scale);
    }

    [Theory, MemberData(nameof(Networks))]
    public void An_evaluation_allocates_nothing(string name)
    {
        using var model = Compile<float>(name);
        using var plan = model.Plan(2);
        var (images, targets, gradient) = (new float[2 * model.Network.Input.Count], new float[2 * model.Network.Classes],
            new float[model.Layout.Count]);
        targets.AsSpan().Fill(0.1f);
        void Evaluate()
        {
            plan.Gradient(images, targets, gradient);
            plan.Pullback(gradient, images, targets);
            plan.Pushforward(images, gradient);
        }
        for (var i = 0; i < 3; i++)
            Evaluate();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++)
            Evaluate();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory, MemberData(nameof(Networks))]
    public void The_order_of_questions_does_not_change_the_answers(string name)
    {
        using var model = Compile<float>(name);
        var fresh = new Products<float>(model, 2, 3);
        var other = new Products<float>(model, 2, 4);
        using var plan = model.Plan(2);
        var (gradient, images, targets, push) = (new float[fresh.Gradient.Length], new float[fresh.Images.Length],
            new float[fresh.Targets.Length], new float[fresh.Gradient.Length]);
        plan.Gradient(other.Images, other.Targets, gradient);
        plan.Pushforward(other.U, push);
        plan.Pullback(other.V, images, targets);
        plan.Gradient(fresh.Images, fresh.Targets, gradient);
        plan.Pushforward(fresh.U, push);
        plan.Pullback(fresh.V, images, targets);
        Assert.Equal(fresh.Gradient, gradient);
        Assert.Equal(fresh.Push, push);
        Assert.Equal(fresh.PullImages, images);
        Assert.Equal(fresh.PullTargets, targets);
    }

    [Fact]
    public void Plans_on_many_threads_share_weights_and_agree_to_the_bit()
    {
        using var model = Compile<float>("resnet");
        var alone = Enumerable.Range(0, 6).Select(seed => new Products<float>(model, 1, (ulong)seed)).ToArray();
        using var fresh = Compile<float>("resnet");
        var together = new Products<float>[6];
        Parallel.For(0, 6, new() { MaxDegreeOfParallelism = 3 }, seed => together[seed] = new Products<float>(fresh, 1, (ulong)seed));
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(alone[i].Gradient, together[i].Gradient);
            Assert.Equal(alone[i].PullImages, together[i].PullImages);
            Assert.Equal(alone[i].Push, together[i].Push);
        }
    }

    [Fact]
    public void At_a_kink_the_derivative_is_zero_and_of_equal_values_the_first_wins()
    {
        // Zero images and biases put every ReLU at its kink and every pooling window at a tie.
        Network network = new(new(1, 4, 4), 2,
            [new MaxPool2d(2, 2), new Conv2d("conv", 1, 2, 1, Bias: false), new Activation(ActivationKind.ReLU), new Flatten(),
                new Linear("head", 8, 2)]);
        using var model = Architectures.Model(network, 2);
        using var exact = model.To(torch.ScalarType.Float64, torch.CPU);
        using var compiled = CompiledModel.Of<double>(exact);
        using var plan = compiled.Plan(1);
        var (gradient, images, targets) = (new double[compiled.Layout.Count], new double[16], new double[2]);
        plan.Gradient(new double[16], [1, 0], gradient);
        Assert.All(gradient[..2], value => Assert.Equal(0, value));
        plan.Gradient([.. Enumerable.Repeat(1.0, 16)], [1, 0], gradient);
        plan.Pullback(gradient, images, targets);
        int[] corners = [0, 2, 8, 10];
        Assert.All(Enumerable.Range(0, 16), i => Assert.Equal(corners.Contains(i), images[i] != 0));
    }

    [Fact]
    public void Questions_out_of_order_or_size_are_refused()
    {
        using var model = Compile<float>("plain");
        using var plan = model.Plan(1);
        var gradient = new float[model.Layout.Count];
        Assert.Contains("evaluate the gradient first", Assert.Throws<AfterimageException>(() =>
            plan.Pullback(gradient, new float[60], new float[3])).Message);
        Assert.Equal("The plan needs 60 numbers for images, but 59 were given.",
            Assert.Throws<AfterimageException>(() => plan.Gradient(new float[59], new float[3], gradient)).Message);
        Assert.Contains("at least one image", Assert.Throws<AfterimageException>(() => model.Plan(0)).Message);
    }
}
