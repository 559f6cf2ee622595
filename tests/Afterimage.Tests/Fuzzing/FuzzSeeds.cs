using System.Text;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Models;

namespace Afterimage.Tests.Fuzzing;

/// <summary>True files of every kind.</summary>
internal static class FuzzSeeds
{
    public static readonly TensorLayout Layout = new([("conv.weight", [2, 1, 2]), ("bn.weight", [2]), ("bn.bias", [2]),
        ("fc.weight", [3, 2]), ("fc.bias", [3])]);

    public static readonly (string Name, long[] Shape)[] Buffers = [("bn.running_mean", [2]), ("bn.running_var", [2])];

    public static readonly IReadOnlyList<FuzzFile> All = [.. Arrays(), .. Sidecars(), .. Experiments(), .. Scripts()];

    private static IEnumerable<FuzzFile> Arrays()
    {
        NamedArray[] parameters = [.. Layout.Entries.Select(entry => NamedArray.Of(entry.Name, entry.Shape.ToValueList(),
            Enumerable.Range(1, (int)entry.Count).Select(i => i / 8f).ToArray()))];
        NamedArray[] all = [.. parameters, NamedArray.Of("bn.running_mean", [2], [1f, 2]), NamedArray.Of("bn.running_var", [2], [1f, 2]),
            NamedArray.Of("bn.num_batches_tracked", [], [3L])];
        NamedArray[] nameless = [.. parameters.Select((array, i) => array.Renamed($"arr_{i}"))];
        foreach (var kind in (FuzzKind[])[FuzzKind.Update, FuzzKind.Weights])
        {
            yield return new(kind, ".npz", Written(Npz.Write, all));
            yield return new(kind, ".safetensors", Written(Safetensors.Write, all));
        }
        yield return new(FuzzKind.Update, ".npz", Written(Npz.Write, parameters));
        yield return new(FuzzKind.Update, ".npz", Written(Npz.Write, nameless));
        yield return new(FuzzKind.Update, ".npz", Written(Npz.Write, [.. nameless.Select(NamedArray.Halved)]));
        yield return new(FuzzKind.Update, ".safetensors", Written(Safetensors.Write, parameters));
        yield return new(FuzzKind.Update, ".npy", Written((stream, arrays) => Npy.Write(stream, arrays[0]), parameters));
    }

    private static byte[] Written(Action<Stream, IReadOnlyList<NamedArray>> write, NamedArray[] arrays)
    {
        using var stream = new MemoryStream();
        write(stream, arrays);
        return stream.ToArray();
    }

    private static IEnumerable<FuzzFile> Sidecars()
    {
        string[] texts =
        [
            """
            {
              "update": "weightDifference",
              "localTraining": { "epochs": 2, "batchSize": 2, "learningRate": 0.05, "optimizer": { "kind": "sgd", "momentum": 0.9 } },
              "mode": "eval",
              "batchSize": 4,
              "input": "3x32x32",
              "classes": 10,
              "normalization": { "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25] },
              "labels": [1, 2, 3, 4]
            }
            """,
            """{ "update": "gradient", "mode": "train", "statistics": "after", "batchSize": 1, "input": "1x28x28", "classes": 10 }""",
            """{ "update": "gradient" }""",
        ];
        return texts.Select(text => new FuzzFile(FuzzKind.Sidecar, ".json", Encoding.UTF8.GetBytes(text)));
    }

    private static IEnumerable<FuzzFile> Experiments()
    {
        string[] texts =
        [
            """
            {
              "title": "Two axes",
              "model": { "kind": "conv-net", "width": 16,
                "normalization": { "mean": [0.4914, 0.4822, 0.4465], "std": [0.247, 0.2435, 0.2616] } },
              "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves" }, "batchSize": 2,
                "defense": { "kind": "top-k", "share": 0.5 } },
              "attack": { "known": "inverting-gradients", "restarts": 2 },
              "trials": 2,
              "vary": [
                { "pointer": "/client/batchSize", "values": [1, 2] },
                { "pointer": "/attack/priors", "values": [[], [{ "kind": "total-variation", "weight": 0.2 }]] }
              ]
            }
            """,
            """
            {
              "model": { "kind": "le-net" },
              "client": { "kind": "recorded-update", "update": "u.npz", "input": "3x32x32", "classes": 10,
                "training": { "kind": "fed-avg", "epochs": 2, "batchSize": 2, "learningRate": 0.1 } },
              "attack": { "kind": "gradient-matching", "solver": { "kind": "lbfgs", "iterations": 100 },
                "priors": [{ "kind": "l2", "weight": 1 }] },
              "seed": 7
            }
            """,
        ];
        return texts.Select(text => new FuzzFile(FuzzKind.Experiment, ".json", Encoding.UTF8.GetBytes(text)));
    }

    private static IEnumerable<FuzzFile> Scripts()
    {
        using var folder = new TemporaryFolder();
        FuzzFile Script(string body, string registered = "conv, head") =>
            new(FuzzKind.Script, ".pt", File.ReadAllBytes(SmallScript.Save(folder, body, 108, registered).Path));
        return
        [
            Script("y = torch.flatten(torch.relu(x), 1)"),
            Script("y = torch.flatten(torch.mul(x, x), 1)"),
            Script("norm = self.norm\nz = (norm).forward(x, )\ny = torch.flatten(torch.sigmoid(z), 1)", "conv, norm, head"),
            Script("if bool(torch.gt(torch.sum(x), 0)):\n  z = x\nelse:\n  z = torch.relu(x)\ny = torch.flatten(z, 1)"),
        ];
    }
}
