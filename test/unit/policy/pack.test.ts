import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, programNames } from "../../../components/bundle";
import { type PackPolicy, policiesOf, type ResourceArgs } from "../../../policy/pack";
import { rules } from "../../../policy/rules";
import type { Planned } from "../../../policy/rules/rule";
import type { Registered } from "../components/recorded-stack";
import { stacks } from "../golden/plans";
import { object, planned, problems } from "./planned";

const shown = ({ type, name, inputs, protect }: Registered): Planned => ({
  ...{ type, name, urn: `urn:${type}::${name}`, isProtected: protect },
  props: inputs as Planned["props"],
});

describe("the policy pack", function () {
  this.timeout(60_000);

  it("has the version of the program", () => {
    const read = (file: string) => JSON.parse(readFileSync(join(__dirname, "../../..", file), "utf8")) as object;
    expect(read("policy/package.json")).to.have.property(
      "version",
      (read("package.json") as { version: string }).version,
    );
  });

  for (const [name, { run }] of Object.entries(stacks))
    it(`has nothing against the plan of ${name}`, async () => {
      const found = await run();
      // Of a component a stack is shown what it hands out; program.ts adds the safeguard.
      const outputs = Object.fromEntries(Object.entries(found.outputs).map(([output, { value }]) => [output, value]));
      const resources = found.resources
        .map(shown)
        .map((each) => (each.type === "dnsmesh:shared:SharedStack" ? { ...each, props: outputs } : each));
      const guard = planned("dnsmesh:index:Safeguard", { leaving: { sites: [], zones: [] } }, { isProtected: true });
      for (const rule of rules) expect(problems(rule, [...resources, guard]), rule.name).to.deep.equal([]);
    });

  it("finds no secret in our own programs", () => {
    for (const name of programNames) {
      const map = object("core/v1:ConfigMap", { data: { [name]: bundle(name) } });
      for (const rule of rules.filter((each) => each.name.startsWith("secrets-")))
        expect(problems(rule, [map]), name).to.deep.equal([]);
    }
  });

  describe("handed to Pulumi", () => {
    const policy = (name: string): PackPolicy => policiesOf(rules).find((each) => each.name === name)!;
    const args = (type: string, props: object): ResourceArgs => ({
      ...{ type, name: "one", urn: "urn:one", opts: { protect: false } },
      props: props as ResourceArgs["props"],
    });
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- Pulumi's signature
    const configured = <T>(value: T, config: object) => ({ ...value, getConfig: <C extends object>() => config as C });

    it("reports about a resource", () => {
      const found: string[] = [];
      const about = args("kubernetes:core/v1:Namespace", { metadata: { name: "dns-system" } });
      policy("data-protected").validateResource?.(configured(about, {}), (message) => found.push(message));
      expect(found).to.have.length(1);
      expect(found[0]).to.match(/^dns-system is not protected/);
    });

    it("reports about a stack, at the resource that is meant, by the pack's configuration", () => {
      const found: (string | undefined)[] = [];
      const resources = [
        { ...args("dnsmesh:shared:SharedStack", {}), urn: "urn:mesh" },
        args("dnsmesh:index:Safeguard", { leaving: { sites: [], zones: ["a.example", "b.example"] } }),
      ];
      const judge = (config: object): void => {
        policy("removals-limited").validateStack?.(configured({ resources }, config), (_message, urn) =>
          found.push(urn),
        );
      };
      judge({ most: 2 });
      expect(found).to.deep.equal([]);
      judge({ most: 1 });
      expect(found).to.deep.equal(["urn:mesh"]);
    });

    it("judges what a list has as if each stood by itself", () => {
      const found: string[] = [];
      const pod = (hostNetwork: boolean) => ({ metadata: { name: "one" }, spec: { hostNetwork } });
      for (const [type, items] of [
        ["kubernetes:core/v1:PodList", [pod(false), pod(true)]],
        ["kubernetes:core/v1:List", [{ kind: "Pod", ...pod(true) }]],
        ["kubernetes:apps/v1:DeploymentList", [{ spec: { template: pod(true) } }]],
      ] as const)
        policy("pods-restricted").validateResource?.(configured(args(type, { items }), {}), (each) => found.push(each));
      expect(found.map((each) => each.split(" ")[0])).to.deep.equal(["hostNetwork", "hostNetwork", "hostNetwork"]);
      const [pods, denied]: (string | undefined)[][] = [[], []];
      const judge = (resources: ResourceArgs[], said: (string | undefined)[]): void => {
        policy("pods-isolated").validateStack?.(configured({ resources }, {}), (_message, urn) => said.push(urn));
      };
      const podList = args("kubernetes:core/v1:PodList", { items: [pod(false)] });
      const deny = { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } };
      judge([podList], pods!);
      judge([podList, args("kubernetes:networking.k8s.io/v1:NetworkPolicyList", { items: [deny] })], denied!);
      expect([pods, denied]).to.deep.equal([["urn:one"], []]);
    });

    it("shows its settings, so that Pulumi knows them and fills in what is not set", () => {
      expect(policy("removals-limited").configSchema).to.deep.equal({
        properties: { most: { type: "integer", default: 1 } },
      });
    });
  });
});
