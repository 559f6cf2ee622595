namespace Afterimage.Federation;

/// <summary>The weighted mean of several clients' operators, each on its part of the batch; it owns them.</summary>
internal sealed class AggregateOperator((ForwardOperator Operator, int From, int Count, double Share)[] clients) : ForwardOperator
{
    public override string Name => clients[0].Operator.Name;

    public override Linearization At(Batch batch) => new Point(
        [.. clients.Select(client => (client.Operator.At(batch.Narrow(client.From, client.Count).Each(part => part.contiguous())),
            client.From, client.Count, client.Share))]);

    protected override void Dispose(bool disposing)
    {
        foreach (var forward in clients.Select(client => client.Operator).Distinct())
            forward.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Point : Linearization
    {
        private readonly (Linearization At, int From, int Count, double Share)[] clients;

        public Point((Linearization At, int From, int Count, double Share)[] clients)
        {
            this.clients = clients;
            Value = Sum(client => client.At.Value);
        }

        public override GradientSet Value { get; }

        public override Batch Pullback(GradientSet v)
        {
            var parts = clients.Select(client => client.At.Pullback(v.Scale(client.Share))).ToArray();
            return new(cat([.. parts.Select(part => part.Inputs)]), cat([.. parts.Select(part => part.Targets)]));
        }

        public override GradientSet Pushforward(Tensor u) =>
            Sum(client => client.At.Pushforward(u.narrow(0, client.From, client.Count).contiguous()));

        private GradientSet Sum(Func<(Linearization At, int From, int Count, double Share), GradientSet> part)
        {
            var first = part(clients[0]);
            var sum = first.Flat * clients[0].Share;
            foreach (var client in clients.Skip(1))
                sum.add_(part(client).Flat, alpha: client.Share);
            return new(first.Layout, sum);
        }
    }
}
