using System.Reflection;
using Xunit.v3;

namespace Afterimage.Tests;

/// <summary>Each test draws from torch's own generator what it would draw if it ran alone, so that no test fails by chance.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class SeededAttribute : BeforeAfterTestAttribute
{
    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (test.TestCase.TestCollection.TestCollectionDisplayName != Apart.Collection)
            TorchSharp.torch.random.manual_seed(0);
    }
}
