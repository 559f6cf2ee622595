namespace Afterimage.Data;

/// <summary>Images that each lie in a file of their own.</summary>
internal sealed class FileImageSet(
    string name, ImageShape shape, IReadOnlyList<(string Path, int Label)> files, ValueList<string> classNames)
    : ImageSet(name, shape, files.Count, classNames)
{
    protected override LabeledImage Read(int index) => new(ImageFile.Read(files[index].Path, Shape), files[index].Label);
}
