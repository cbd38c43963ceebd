import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startControlPlane, type ControlPlane } from "../../../harness/plugins/control-plane";
import type { Json } from "../../../harness/plugins/wire";
import {
  sourceCases,
  sourceGateways,
  sourceNamespaces,
  sourceSurroundings,
  sourceZone,
} from "../../../harness/records/source-cases";
import { ensureTools, toolPath } from "../../../harness/tools";
import { definitionFiles } from "../../../harness/tools/definitions";
import { run } from "../../../harness/tools/run";
import { readSource } from "../../../src/records/sources/claims";
import {
  apiPath,
  apiVersionOf,
  gatewayApi,
  routeKinds,
  type SourceApi,
  sourceApis,
} from "../../../src/records/sources/kinds";

describe("sources in a real API server, of which external-dns makes the same records", function () {
  this.timeout(120_000);
  let plane: ControlPlane;
  let folder: string;
  /** Lines of external-dns's log, one for a name and type. */
  let said: readonly string[];

  const kubectl = (...args: string[]): Promise<string> =>
    run(toolPath("kubectl"), ["--kubeconfig", plane.kubeconfig, ...args], { timeoutMs: 60_000 });

  /** What a controller writes into a status. */
  const write = async (api: SourceApi, place: { namespace: string; name: string }, status: object): Promise<void> => {
    const path = `${apiPath(api, lastOf(api))}/namespaces/${place.namespace}/${api.plural}/${place.name}/status`;
    const body = JSON.parse(JSON.stringify({ status })) as Json;
    await plane.api.send({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
  };
  const lastOf = ({ versions }: SourceApi): string => versions.at(-1) ?? "";

  before(async function () {
    this.timeout(20 * 60_000);
    await ensureTools(["kubernetes", "external-dns", "definitions"], console.log);
  });
  before(async () => {
    plane = await startControlPlane();
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-sources-"));
    const files = definitionFiles().flatMap((file) => ["-f", file]);
    await kubectl("apply", "--server-side", ...files);
    await kubectl("wait", "--for", "condition=Established", "--timeout", "30s", ...files);
    const namespaces = Object.entries(sourceNamespaces).map(([name, labels]) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels },
    }));
    const gateways = sourceGateways.map(({ name, namespace, annotations, listeners }) => ({
      apiVersion: apiVersionOf(gatewayApi, gatewayApi.versions[0]),
      kind: "Gateway",
      metadata: { name, namespace, annotations },
      spec: { gatewayClassName: "of-a-test", listeners },
    }));
    const objects = sourceCases.map(({ kind: of, namespace = "default", annotations, spec }, i) => ({
      apiVersion: apiVersionOf(sourceApis[of], lastOf(sourceApis[of])),
      kind: of,
      metadata: { name: `case-${i}`, namespace, annotations },
      spec,
    }));
    const file = join(folder, "objects.yaml");
    writeFileSync(
      file,
      [...namespaces, ...gateways, ...objects].map((object) => JSON.stringify(object)).join("\n---\n"),
    );
    await kubectl("apply", "-f", file);
    for (const { name, namespace, addresses } of sourceGateways)
      await write(gatewayApi, { namespace, name }, { addresses });
    for (const [i, { kind: of, namespace = "default", status }] of sourceCases.entries())
      if (status !== undefined) await write(sourceApis[of], { namespace, name: `case-${i}` }, status);
    const routes = routeKinds.map((of) => `--source=gateway-${of.toLowerCase()}`);
    const flags = ["--source=service", "--source=ingress", "--source=crd", ...routes, "--once"];
    const types = ["A", "AAAA", "CNAME", "TXT", "MX", "SRV", "NS", "PTR", "NAPTR"];
    const more = ["--provider=inmemory", "--registry=noop", `--inmemory-zone=${sourceZone}`];
    const managed = types.map((type) => `--managed-record-types=${type}`);
    const args = [...flags, ...more, ...managed, "--log-format=json", `--kubeconfig=${plane.kubeconfig}`];
    const { stdout, stderr } = await promisify(execFile)(toolPath("external-dns"), args, { timeout: 60_000 });
    const lines = `${stdout}${stderr}`.split("\n").filter((line) => line.startsWith("{"));
    said = lines.map((line) => (JSON.parse(line) as { msg: string }).msg).filter((line) => line.startsWith("CREATE"));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await plane[Symbol.asyncDispose]();
  });

  it("have the records of the cases, as external-dns says", () => {
    const theirs = said.map((line) => /^CREATE: (\S+) (\d+) IN (\S+) {2}(.*) \[[^\]]*\]$/.exec(line)?.slice(1));
    expect(theirs).to.have.deep.members(
      sourceCases.flatMap(({ records }) =>
        records.map(([name, type, targets, ttl = 0]) => [name, String(ttl), type, targets.join(";")]),
      ),
    );
  });

  for (const [i, { what, kind: of, namespace = "default", records }] of sourceCases.entries())
    it(`have the records of the cases: ${what}`, async () => {
      const path = `${apiPath(sourceApis[of], lastOf(sourceApis[of]))}/namespaces/${namespace}`;
      const object = await plane.api.send({ method: "GET", path: `${path}/${sourceApis[of].plural}/case-${i}` });
      const { records: ours } = readSource(of, object, sourceSurroundings);
      const lines = ours.map(({ name, type, targets, ttl }) => [
        name,
        type,
        targets,
        ...(ttl === undefined ? [] : [ttl]),
      ]);
      expect(lines).to.have.deep.members(records.map((record) => [...record]));
    });
});
