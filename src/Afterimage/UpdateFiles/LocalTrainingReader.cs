using System.Text.Json;

using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>Local training as the side-car of an update file says it.</summary>
internal sealed class LocalTrainingReader(UpdateDescriptionReader fields)
{
    public LocalTraining Read(JsonElement training)
    {
        fields.Fields(training, "localTraining", "epochs", "batchSize", "learningRate", "optimizer", "shuffle", "clients");
        var rule = training.TryGetProperty("optimizer", out var optimizer) ? Optimizer(optimizer) : new Sgd();
        var average = new FedAvg
        {
            Epochs = fields.Count(fields.Required(training, "epochs"), "epochs"),
            BatchSize = fields.Count(fields.Required(training, "batchSize"), "localTraining.batchSize"),
            LearningRate = fields.Positive(fields.Required(training, "learningRate"), "learningRate"),
            Optimizer = rule,
            Shuffle = training.TryGetProperty("shuffle", out var shuffle) && Flag(shuffle, "shuffle"),
        };
        return training.TryGetProperty("clients", out var clients)
            ? new Aggregate { Sizes = fields.Items(clients, "clients", fields.Count), Local = average } : average;
    }

    /// <summary>Writes what <see cref="Read"/> reads; nothing for a gradient.</summary>
    public static void Write(Utf8JsonWriter json, LocalTraining training)
    {
        if (training is HiddenTraining)
            json.WriteString("localTraining", "hidden");
        if ((training as Aggregate)?.Local is not FedAvg average && (average = (training as FedAvg)!) is null)
            return;
        json.WriteStartObject("localTraining");
        json.WriteNumber("epochs", average.Epochs);
        json.WriteNumber("batchSize", average.BatchSize);
        json.WriteNumber("learningRate", average.LearningRate);
        if (average.Shuffle)
            json.WriteBoolean("shuffle", true);
        if (average.Optimizer != new Sgd())
            Write(json, average.Optimizer);
        if (training is Aggregate { Sizes: { Count: > 0 } sizes })
        {
            json.WriteStartArray("clients");
            foreach (var size in sizes)
                json.WriteNumberValue(size);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, LocalOptimizer optimizer)
    {
        json.WriteStartObject("optimizer");
        switch (optimizer)
        {
            case Sgd sgd:
                json.WriteString("kind", "sgd");
                json.WriteNumber("momentum", sgd.Momentum);
                json.WriteBoolean("nesterov", sgd.Nesterov);
                json.WriteNumber("weightDecay", sgd.WeightDecay);
                break;
            case AdamW adam:
                json.WriteString("kind", "adam-w");
                json.WriteNumber("beta1", adam.Beta1);
                json.WriteNumber("beta2", adam.Beta2);
                json.WriteNumber("epsilon", adam.Epsilon);
                json.WriteNumber("weightDecay", adam.WeightDecay);
                break;
            default:
                throw new AfterimageException(
                    $"A side-car says \"sgd\" or \"adam-w\", not {optimizer.GetType().Name}: give the training in the experiment.");
        }
        json.WriteEndObject();
    }

    private LocalOptimizer Optimizer(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw fields.Fault("optimizer", "should be an object, for example {\"kind\": \"sgd\", \"momentum\": 0.9}");
        var kind = fields.Text(fields.Required(element, "kind"), "optimizer.kind");
        double Number(string name, double otherwise, double below) => !element.TryGetProperty(name, out var value) ? otherwise
            : fields.Number(value, name) is >= 0 and var number && number < below ? number
            : throw fields.Fault(name, below == 1 ? "should be at least 0 and below 1" : "should be at least 0");
        switch (kind)
        {
            case "sgd":
                fields.Fields(element, "optimizer", "kind", "momentum", "nesterov", "weightDecay");
                return new Sgd
                {
                    Momentum = Number("momentum", 0, 1),
                    Nesterov = element.TryGetProperty("nesterov", out var nesterov) && Flag(nesterov, "nesterov"),
                    WeightDecay = Number("weightDecay", 0, double.PositiveInfinity),
                };
            case "adam-w":
                fields.Fields(element, "optimizer", "kind", "beta1", "beta2", "epsilon", "weightDecay");
                var adam = new AdamW();
                return adam with
                {
                    Beta1 = Number("beta1", adam.Beta1, 1),
                    Beta2 = Number("beta2", adam.Beta2, 1),
                    Epsilon = element.TryGetProperty("epsilon", out var epsilon) ? fields.Positive(epsilon, "epsilon") : adam.Epsilon,
                    WeightDecay = Number("weightDecay", adam.WeightDecay, double.PositiveInfinity),
                };
            default:
                throw fields.Fault("optimizer.kind", "is \"sgd\" or \"adam-w\"");
        }
    }

    private bool Flag(JsonElement element, string field) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw fields.Fault(field, "should be true or false"),
    };
}
