namespace Afterimage.Server.Uploads;

/// <summary>What an uploaded file is.</summary>
internal enum UploadKind
{
    /// <summary>Named arrays: an update, weights, or the truth.</summary>
    Arrays,

    /// <summary>A TorchScript model.</summary>
    Model,

    /// <summary>The JSON that describes an update.</summary>
    Description,
}

/// <summary>A file that was taken in and checked.</summary>
/// <param name="Id">Its generated name, by which experiments refer to it.</param>
/// <param name="Name">What its owner called it; only shown.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Summary">What is in it, in a few words.</param>
internal sealed record Upload(string Id, string Name, UploadKind Kind, long Bytes, string Summary);
