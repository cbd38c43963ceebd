import { expect } from "chai";
import { WaitingSite } from "../../../../components/site/waiting-site";
import { parseStackConfig } from "../../../../src/settings/site-settings";
import { sharedName, sharedOutputs } from "../example-mesh";
import { runStack, type Registered, type Run, type RunOptions } from "../recorded-stack";
import { up } from "./site-run";

function waiting(options: Partial<RunOptions> = {}, settings: Readonly<Record<string, string>> = {}): Promise<Run> {
  const all: Readonly<Record<string, string>> = { shared: sharedName, context: "site-b-cluster", ...settings };
  const config = parseStackConfig({ get: (key) => all[key] }, "site-b");
  if (config.kind !== "site") throw new Error("not a site");
  const args = { config: config.site, waiting: { transport: "tls" } } as const;
  return runStack({
    ...{ stack: "site-b", ...options },
    program: () => Promise.resolve({ ...new WaitingSite("site-b", args).outputs }),
  });
}

const ofCluster = (run: Run): readonly Registered[] =>
  run.resources.filter(({ type }) => type.startsWith("kubernetes:"));
const identityOf = ({ type, name, provider }: Registered) => [type, name, provider.replace(/::[^:]*$/, "")];

describe("a site that waits for an address", () => {
  it("has its namespace and its Service, and nothing else", async () => {
    const run = await waiting();
    expect(ofCluster(run).map(({ type, name }) => `${type} ${name}`)).to.deep.equal([
      "kubernetes:core/v1:Namespace site-b-namespace",
      "kubernetes:core/v1:Service site-b-service",
    ]);
    expect(run.log).to.deep.equal([]);
    expect(run.one("Namespace").protect).to.equal(true);
    expect(run.outputs["addresses"]?.value).to.deep.equal([]);
    expect(run.outputs["waiting"]?.value).to.equal(true);
  });

  it("tells the address once its load balancer has one", async () => {
    const { outputs } = await waiting({ loadBalancer: ["198.51.100.2"] });
    expect(outputs["addresses"]?.value).to.deep.equal(["198.51.100.2"]);
  });

  it("is gone on with by the whole site: under the same names, of the same provider, with the same Service", async () => {
    for (const settings of [
      {},
      { service: JSON.stringify({ split: true, annotations: { "cloud.example/ip": "one" } }) },
    ]) {
      const [before, after] = [await waiting({}, settings), await up("site-b", { config: settings })];
      const there = after.resources.map((each) => identityOf(each).join());
      for (const resource of before.resources.filter(({ type }) => !type.startsWith("pulumi:pulumi:")))
        expect(there).to.include(identityOf(resource).join());
      for (const service of before.all("Service")) {
        const whole = after.all("Service").find(({ name }) => name === service.name);
        const { metadata, ...rest } = service.inputs as { metadata: { annotations: Record<string, string> } };
        const { "pulumi.com/skipAwait": skipped, ...annotations } = metadata.annotations;
        expect(skipped).to.equal("true");
        const awaited = { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}", ...annotations };
        expect({ ...rest, metadata: { ...metadata, annotations: awaited } }).to.deep.equal(whole?.inputs);
      }
    }
  });
});

describe("a site whose addresses come from its load balancer", () => {
  const auto = { [sharedName]: { ...sharedOutputs(), outputs: { ...sharedOutputs().outputs, auto: ["site-b"] } } };

  it("is brought up at another address than the mesh has, and says what is to follow", async () => {
    const { log } = await up("site-b", { stacks: auto, loadBalancer: ["198.51.100.9"] });
    expect(log).to.have.length(1);
    expect(log[0]).to.have.property("severity", "warn");
    expect(log[0]?.message).to.match(/answers at 198\.51\.100\.9, and the mesh asks it at 198\.51\.100\.2/);
    expect((await up("site-b", { stacks: auto })).log).to.deep.equal([]);
  });

  it("has the very objects of one whose addresses are written by hand", async () => {
    const [one, other] = [await up("site-b", { stacks: auto }), await up("site-b")];
    const wires = (run: Run): readonly string[] => run.resources.map(({ name, wire }) => `${name} ${wire}`).sort();
    expect(wires(one)).to.deep.equal(wires(other));
  });
});
