using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.Benchmarks.Claims;

/// <summary>Creates many twins by an import job, as an operator would.</summary>
internal static class ImportLoad
{
    public static async Task RunAsync(SiloProcess silo, int twins, Action<string> log)
    {
        using var body = new LinesContent(twins);
        using var put = await silo.Http.PutAsync(new Uri("/jobs/imports/bench", UriKind.Relative), body);
        if (!put.IsSuccessStatusCode) throw new InvalidOperationException($"PUT /jobs/imports answered {put.StatusCode}: {await put.Content.ReadAsStringAsync()}");
        while (true)
        {
            var job = JsonNode.Parse(await silo.Http.GetStringAsync(new Uri("/jobs/imports/bench", UriKind.Relative)))!;
            switch (job["status"]!.GetValue<string>())
            {
                case "succeeded": return;
                case "failed" or "cancelled": throw new InvalidOperationException($"The import ended so: {job.ToJsonString()}");
            }

            log($"import: {job["counts"]?.ToJsonString()}");
            await Task.Delay(500);
        }
    }

    private sealed class LinesContent : HttpContent
    {
        private readonly int _twins;

        public LinesContent(int twins)
        {
            _twins = twins;
            Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            await using var text = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
            await text.WriteLineAsync("""{"Section":"Header"}""");
            await text.WriteLineAsync("""{"fileVersion":"1.0.0","author":"bench","organization":"twin"}""");
            await text.WriteLineAsync("""{"Section":"Models"}""");
            await text.WriteLineAsync(JsonNode.Parse(BenchGraph.Dtdl)![0]!.ToJsonString());
            await text.WriteLineAsync("""{"Section":"Twins"}""");
            for (var i = 0; i < _twins; i++)
            {
                var json = BenchGraph.TwinJson(i);
                await text.WriteLineAsync($"{{\"$dtId\":\"{BenchGraph.IdOf(i)}\",{json.AsSpan(1)}");
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
