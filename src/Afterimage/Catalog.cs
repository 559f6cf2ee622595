using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage;

/// <summary>
/// The parts and attacks that can be named in JSON and on the command line; nothing else maps names to types. A part's name is
/// its type's name in kebab-case. A part of your own is one record and one line: <c>Catalog.Standard.With&lt;Prior, Mine&gt;()</c>.
/// </summary>
public sealed class Catalog
{
    private readonly ImmutableDictionary<Type, ImmutableArray<Type>> parts;
    private readonly ImmutableSortedDictionary<string, Attack> attacks;
    private readonly Lazy<JsonSerializerOptions> json;

    private Catalog(ImmutableDictionary<Type, ImmutableArray<Type>> parts, ImmutableSortedDictionary<string, Attack> attacks)
    {
        (this.parts, this.attacks) = (parts, attacks);
        json = new(() => CatalogJson.Options(this));
    }

    private static Catalog Empty =>
        new(ImmutableDictionary<Type, ImmutableArray<Type>>.Empty, ImmutableSortedDictionary<string, Attack>.Empty);

    /// <summary>Every part and published attack that comes with Afterimage.</summary>
    public static Catalog Standard { get; } = Empty
        .With<ModelSource, Mlp>().With<ModelSource, LeNet>().With<ModelSource, ConvNet>().With<ModelSource, ResNet>()
        .With<ModelSource, TorchScriptFile>()
        .With<DataSource, DeadLeaves>().With<DataSource, Cifar10>().With<DataSource, IdxImages>().With<DataSource, Flowers17>()
        .With<DataSource, ImageFolder>()
        .With<LocalTraining, FedSgd>().With<LocalTraining, FedAvg>().With<LocalTraining, Aggregate>().With<LocalTraining, HiddenTraining>()
        .With<LocalTraining, DpSgd>()
        .With<Loss, CrossEntropy>().With<Loss, BinaryCrossEntropy>().With<Loss, MeanSquared>()
        .With<LocalOptimizer, Sgd>().With<LocalOptimizer, AdamW>()
        .With<Defense, None>().With<Defense, DefenseChain>().With<Defense, GaussianNoise>().With<Defense, TopK>()
        .With<Defense, ReducedPrecision>().With<Defense, NormBound>().With<Defense, Sign>()
        .With<Defense, LaplacianNoise>().With<Defense, RandomPruning>().With<Defense, StochasticQuantization>()
        .With<Defense, BlockwiseQuantization>().With<Defense, Soteria>().With<Defense, GradDefense>().With<Defense, Outpost>()
        .With<Defense, Censor>().With<Defense, PercentilePrivacy>().With<Defense, SvtPrivacy>().With<Defense, ExcludeVars>()
        .With<Defense, LocalDp>().With<Defense, RoundClipping>()
        .With<Nuisance, UpdateScale>().With<Nuisance, SurrogateWeights>().With<Nuisance, DropoutMasks>()
        .With<LabelRule, Given>().With<LabelRule, Joint>()
        .With<LabelRule, Idlg>().With<LabelRule, BiasSign>()
        .With<LabelRule, MinimumRow>().With<LabelRule, RowSums>()
        .With<LabelRule, BiasCorrected>().With<LabelRule, SeparatingHyperplane>()
        .With<LabelRule, InstanceCounts>().With<LabelRule, UpdateCounts>()
        .With<LabelRule, RefinedCounts>().With<LabelRule, SoftLabels>()
        .With<Start, Gaussian>().With<Start, Uniform>().With<Start, ConstantGray>().With<Start, Patterned>().With<Start, Learned>()
        .With<SearchSpace, Pixels>().With<SearchSpace, LowResolution>().With<SearchSpace, CoarseToFine>().With<SearchSpace, Spectral>()
        .With<SearchSpace, UntrainedNetwork>()
        .With<SearchSpace, Latent>().With<SearchSpace, GeneratorLayers>().With<SearchSpace, TunedGenerator>()
        .With<Fidelity, Euclidean>().With<Fidelity, Cosine>().With<Fidelity, PartialCosine>().With<Fidelity, Manhattan>()
        .With<Prior, TotalVariation>().With<Prior, L2>().With<Prior, Orthogonality>().With<Prior, WaveletSparsity>()
        .With<Prior, BatchNormStatistics>().With<Prior, LastLayerFeatures>().With<Prior, GroupConsistency>()
        .With<Prior, RegularizationByDenoising>()
        .With<Solver, FirstOrder>().With<Solver, Lbfgs>().With<Solver, CmaEs>()
        .With<Attack, Best>().With<Attack, GradientMatching>().With<Attack, GaussNewton>()
        .With<Attack, LinearLayerInversion>().With<Attack, RecursiveInversion>().With<Attack, ReluBatchInversion>()
        .With<Attack, PatchEmbeddingInversion>()
        .With<Attack, RectifiedRecursion>().With<Attack, BatchSeparation>().With<Attack, DeepFirst>()
        .With<Attack, EpochMatching>().With<Attack, PlugAndPlay>().With<Attack, PosteriorSampling>().With<Attack, FeatureMatching>()
        .With<Attack, LearnedInversion>()
        .WithAttack("matching", Known.Matching)
        .WithAttack("local-matching", Known.LocalMatching)
        .WithAttack("rectified-matching", Known.RectifiedMatching)
        .WithAttack("deep-leakage", Known.DeepLeakage)
        .WithAttack("improved-deep-leakage", Known.ImprovedDeepLeakage)
        .WithAttack("inverting-gradients", Known.InvertingGradients)
        .WithAttack("see-through-gradients", Known.SeeThroughGradients)
        .WithAttack("modern", Known.Modern)
        .WithAttack("fed-leak", Known.FedLeak)
        .WithAttack("gias", Known.Gias)
        .WithAttack("gifd", Known.Gifd)
        .WithAttack("ggl", Known.Ggl)
        .WithAttack("surrogate-model", Known.SurrogateModel)
        .WithAttack("dropout-inversion", Known.DropoutInversion);

    /// <summary>The abstract types whose parts can be named: Attack, Prior, ModelSource and others.</summary>
    public IEnumerable<Type> Roots => parts.Keys.OrderBy(root => root.Name, StringComparer.Ordinal);

    /// <summary>Named attacks, published ones among them.</summary>
    public IReadOnlyDictionary<string, Attack> Attacks => attacks;

    /// <summary>Options for System.Text.Json that read and write every part, without unknown properties.</summary>
    public JsonSerializerOptions Json => json.Value;

    /// <summary>This catalog and one more part.</summary>
    public Catalog With<TRoot, TPart>() where TRoot : class where TPart : TRoot =>
        new(parts.SetItem(typeof(TRoot), Parts(typeof(TRoot)).Add(typeof(TPart))), attacks);

    /// <summary>This catalog and one more named attack.</summary>
    public Catalog WithAttack(string name, Attack attack) => new(parts, attacks.SetItem(name, attack));

    /// <summary>Whether parts of this type can be named.</summary>
    public bool IsRoot(Type type) => parts.ContainsKey(type);

    /// <summary>The parts of a root, in the order in which they were added.</summary>
    public ImmutableArray<Type> Parts(Type root) => parts.GetValueOrDefault(root, []);

    /// <summary>"gradient-matching" for GradientMatching, "lenet" for LeNet.</summary>
    public static string Kind(Type part) => PartKind.Of(part);

    /// <summary>The first sentence of the XML summary of a type or property; null without documentation beside its assembly.</summary>
    public static string? Summary(MemberInfo part) => new CatalogDocumentation().Sentence(part);

    /// <summary>The part of this name, regardless of dashes and capitals; null where there is none.</summary>
    public Type? Find(Type root, string kind) => Parts(root).FirstOrDefault(part => Plain(Kind(part)) == Plain(kind));

    /// <summary>The attack of this name, regardless of dashes and capitals; null where there is none.</summary>
    public Attack? FindAttack(string name) => attacks.FirstOrDefault(pair => Plain(pair.Key) == Plain(name)).Value;

    /// <summary>Reads JSON, in which comments and trailing commas are allowed; unknown names are reported all at once.</summary>
    /// <param name="text">The JSON text.</param>
    /// <param name="origin">What errors call the text: a file name, "the command line".</param>
    /// <exception cref="AfterimageException">The text is not JSON, or has an unknown name or a value of a wrong type.</exception>
    public T Read<T>(string text, string origin) where T : notnull => CatalogJson.Read<T>(this, text, origin);

    /// <summary>JSON that is equal for equal values.</summary>
    public string Write<T>(T value) => JsonSerializer.Serialize(value, Json);

    /// <summary>The JSON schema of a type, for editors.</summary>
    public JsonNode Schema<T>() => new CatalogSchema(this).Of(typeof(T));

    private static string Plain(string name) => name.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
}
