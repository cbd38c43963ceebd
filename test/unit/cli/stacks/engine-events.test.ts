import { expect } from "chai";
import type { EngineEvent, PolicyEvent } from "@pulumi/pulumi/automation";
import { diagnosticsIn, stepsIn, warningsIn } from "../../../../src/cli/stacks/engine-events";

const urn = "urn:pulumi:site-a::dns-mesh::dnsmesh:site:SiteStack$kubernetes:core/v1:Service::site-a-knot-0";

function violation(change: Partial<PolicyEvent> = {}): EngineEvent {
  return {
    sequence: 1,
    timestamp: 1,
    policyEvent: {
      resourceUrn: urn,
      message: "<{%reset%}>Nothing but DNS can be reached.\n  the Service knot-0 is reachable<{%reset%}>\n",
      color: "never",
      policyName: "services-private",
      policyPackName: "dns-mesh",
      policyPackVersion: "0.2.0",
      policyPackVersionTag: "0.2.0",
      enforcementLevel: "mandatory",
      ...change,
    },
  };
}

describe("what policy packs say during an operation", () => {
  const line =
    "policy dns-mesh/services-private: site-a-knot-0: Nothing but DNS can be reached. the Service knot-0 is reachable";

  it("fails it where it is mandatory, in one line that names policy and resource", () => {
    expect(diagnosticsIn([violation(), violation()])).to.deep.equal([line]);
    expect(warningsIn([violation()])).to.deep.equal([]);
  });

  it("warns of everything else", () => {
    // As the engine writes it, whatever the SDK's type says.
    for (const level of ["advisory", "warning"]) {
      const event = violation({ enforcementLevel: level as "warning" });
      expect([diagnosticsIn([event]), warningsIn([event])]).to.deep.equal([[], [line]]);
    }
  });

  it("names no resource where a stack as a whole is meant", () => {
    const event = violation();
    delete event.policyEvent!.resourceUrn;
    expect(diagnosticsIn([event])[0]).to.match(/^policy dns-mesh\/services-private: Nothing/);
  });
});

describe("steps of an operation", () => {
  const provider = "urn:pulumi:site-a::dns-mesh::dnsmesh:site:SiteStack$pulumi:providers:kubernetes::site-a-cluster";
  const event = (more: object): EngineEvent => ({
    ...{ sequence: 1, timestamp: 1 },
    resourcePreEvent: {
      metadata: { op: "update", urn: provider, type: "pulumi:providers:kubernetes", provider: "", ...more },
    },
  });
  const state = (inputs: object) => ({
    type: "",
    urn: provider,
    id: "",
    parent: "",
    inputs,
    outputs: {},
    provider: "",
  });

  it("name what differs, also where the engine does not say it", () => {
    const states = {
      old: state({ kubeconfig: "/home/one", context: "a", __internal: {} }),
      new: state({ kubeconfig: "/home/two", context: "a", __internal: {} }),
    };
    const pathsOf = (more: object) => stepsIn([event(more)])[0]?.paths;
    expect(pathsOf({ detailedDiff: null, ...states })).to.deep.equal(["kubeconfig"]);
    expect(pathsOf({ detailedDiff: null, diffs: ["context"], ...states })).to.deep.equal(["context"]);
    expect(pathsOf({ detailedDiff: { "a.b": {} }, diffs: ["a"], ...states })).to.deep.equal(["a.b"]);
    expect(pathsOf({ op: "create", new: states.new })).to.deep.equal([]);
  });
});
