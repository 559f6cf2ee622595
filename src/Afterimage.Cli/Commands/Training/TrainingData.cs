using Afterimage.Audit.Cases;
using Afterimage.Cli.Options;
using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Cli.Commands;

/// <summary>The data set of a name: training images where it has parts, and leaves and files in the size that is asked for.</summary>
internal static class TrainingData
{
    public static DataSource Of(ExperimentFile files, string name, int channels, int side)
    {
        var shape = new ImageShape(channels, side, side);
        return files.Catalog.Read<DataSource>(PartName.Data(files.Catalog, name).ToJsonString(), "--data") switch
        {
            Cifar10 { File: null } cifar => cifar with { Split = Split.Train },
            IdxImages images => images with { Split = Split.Train },
            Flowers17 flowers => flowers with { Size = shape },
            ImageFolder folder => folder with { Size = shape },
            DeadLeaves leaves => leaves with { Shape = shape },
            var other => other,
        };
    }
}
