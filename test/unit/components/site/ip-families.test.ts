import type * as k8s from "@pulumi/kubernetes";
import { expect } from "chai";
import { parse } from "yaml";
import { agentSockets, siteRuntime } from "../../../../components/site/runtime";
import { blocksOf } from "../../../../harness/docs/blocks";
import type { KubeObject } from "../../../../src/kube/answer";
import { parseMesh } from "../../../../src/settings/parse";
import { exampleList, sharedName, sharedOutputs } from "../example-mesh";
import { nameOf, type Run } from "../recorded-stack";
import { up, type UpOptions } from "./site-run";

type Spec = k8s.types.output.core.v1.ServiceSpec;

const both = "docs/guides/ip-families.md#a-site-of-both-families";
const onlyV6 = "docs/guides/ip-families.md#a-site-of-ipv6-alone";

const [bothListed = "", bothSet = ""] = blocksOf(both, "yaml");
const [onlyV6Set = ""] = blocksOf(onlyV6, "yaml");

/** A site's settings as a block of the guide has them. */
function settingsIn(block: string): Record<string, unknown> {
  const { config } = parse(block) as { config: Record<string, unknown> };
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name.replace(/^dns-mesh:/, ""), value]));
}

/** What the load balancer gives first, and how the Service is seen then. */
type GivenService = UpOptions["services"] & { readonly loadBalancer?: readonly string[] };

/** Brings site-c up with other addresses in the list, which its load balancer gives it unless it is told otherwise. */
function upAt(
  addresses: readonly string[],
  config: Record<string, unknown>,
  { loadBalancer = addresses, ...services }: GivenService = {},
): Promise<Run> {
  const sites = exampleList.sites.map((site) => (site.name === "site-c" ? { ...site, addresses } : site));
  const stacks = { [sharedName]: sharedOutputs(parseMesh({ ...exampleList, sites })) };
  return up("site-c", { config, stacks, loadBalancer, services });
}

function familiesIn(run: Run): Record<string, readonly [policy: string | undefined, families: readonly string[]]> {
  return Object.fromEntries(
    run.all("Service").map((service) => {
      const { ipFamilyPolicy, ipFamilies } = (service.inputs as { spec: Partial<Spec> }).spec;
      return [nameOf(service), [ipFamilyPolicy, ipFamilies ?? []]];
    }),
  );
}

async function refusal(bringUp: Promise<unknown>): Promise<string> {
  return bringUp.then(
    () => "",
    (error: unknown) => String(error),
  );
}

describe("the families of a site's Services", () => {
  it("are the cluster's choice unless the settings say them", async () => {
    const families = familiesIn(await up("site-c", { config: { resolver: {} } }));
    expect(families).to.include.keys("knot", "knot-0", "knot-writer", "resolver");
    for (const found of Object.values(families)) expect(found).to.deep.equal([undefined, []]);
  });

  it("are both by the settings of the guide, and those inside the site are of the first", async () => {
    const [{ addresses = [] } = {}] = parse(bothListed) as readonly { addresses?: readonly string[] }[];
    const run = await upAt(addresses, { ...settingsIn(bothSet), resolver: {} });
    const outside = ["RequireDualStack", ["IPv4", "IPv6"]];
    const inside = ["SingleStack", ["IPv4"]];
    expect(familiesIn(run)).to.deep.equal({
      ...{ knot: outside, resolver: outside },
      ...{ "knot-0": inside, "knot-1": inside, "knot-headless": inside, "knot-writer": inside },
    });
  });

  describe("where the list has an address of each", () => {
    const both = ["203.0.113.3", "2001:db8:c::53"];
    const [v4 = ""] = both;
    const service = (ips: readonly string[], ipFamilies: readonly string[] = ["IPv4", "IPv6"]) => ({
      spec: { ipFamilies, clusterIPs: ["10.96.0.99"] },
      status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
    });
    /** The first address is there at once; each look after that sees the next of `looks`, and the last one from then on. */
    async function upSeeing(...looks: readonly KubeObject[]) {
      let [now, looked] = [0, 0];
      const run = await upAt(both, settingsIn(bothSet), {
        loadBalancer: [v4],
        look: () => Promise.resolve(looks[Math.min(looked++, looks.length - 1)]),
        clock: {
          now: () => now,
          pause: (ms) => {
            now += ms;
            return Promise.resolve();
          },
        },
      });
      return { ...run, seconds: now / 1000 };
    }

    it("are both before `up` ends, which says nothing of a second one that comes soon", async () => {
      const { log, outputs, seconds } = await upSeeing(service([v4]), service([v4]), service(both));
      expect([log, outputs["addresses"]?.value, seconds]).to.deep.equal([[], both, 4]);
    });

    it("are waited for with a word on what to do, and the error says it again", async () => {
      const { log, seconds } = await upSeeing(service([v4]));
      expect(seconds).to.equal(600);
      expect(log.map(({ severity }) => severity)).to.deep.equal(["warn", "error"]);
      for (const { message } of log)
        expect(message)
          .to.contain(
            `site "site-c": the mesh's list has 2001:db8:c::53, and Service knot, at 203.0.113.3, has no IPv6`,
          )
          .and.contain(`Take 2001:db8:c::53 out of "addresses"`)
          .and.contain("ipFamilyPolicy");
    });

    it("are not waited for where the cluster gave the Service one family", async () => {
      const { log, seconds, outputs } = await upSeeing(service([v4], ["IPv4"]));
      expect([seconds, outputs["addresses"]?.value]).to.deep.equal([0, [v4]]);
      expect(log).to.have.length(1);
      expect(log[0]?.severity).to.equal("error");
      expect(log[0]?.message).to.match(/is of IPv4 alone: its cluster gave it no IPv6.*ipFamilyPolicy/);
    });

    it("are asked of the cluster only when Pulumi has not seen them, and the balancer is to give them", async () => {
      const never = { look: () => Promise.reject(new Error("looked")) };
      const settings = settingsIn(bothSet);
      const changed = (more: object) => ({ ...settings, service: { ...(settings["service"] as object), ...more } });
      await upAt(both, settings, { loadBalancer: both, ...never });
      await upAt(both.slice(0, 1), settings, { loadBalancer: [v4], ...never });
      await upAt(both, changed({ externalIPs: both.slice(1) }), { loadBalancer: [v4], ...never });
      await upAt(both, changed({ verifyAddress: false }), { loadBalancer: [v4], ...never });
      expect(await refusal(upAt(both, settings, { loadBalancer: [v4], ...never }))).to.contain("looked");
    });
  });

  it("may go back to one: what the load balancer still shows of the other counts no more", async () => {
    const single = { ...settingsIn(bothSet), service: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] } };
    const shown = ["203.0.113.3", "2001:db8:c::53"];
    expect((await upAt(["203.0.113.3"], single, { loadBalancer: shown })).log).to.deep.equal([]);
    const { log } = await upAt(["203.0.113.3"], settingsIn(bothSet), { loadBalancer: shown });
    expect(JSON.stringify(log)).to.contain("2001:db8:c::53");
  });

  it("are IPv6 alone by the settings of the guide", async () => {
    const run = await upAt(["2001:db8:c::53"], settingsIn(onlyV6Set));
    for (const [, families] of Object.values(familiesIn(run))) expect(families).to.deep.equal(["IPv6"]);
  });

  it("must be those of the list's addresses, but for a balancer that translates", async () => {
    const settings = settingsIn(onlyV6Set);
    const listed = ["203.0.113.3", "2001:db8:c::53"];
    expect(await refusal(upAt(listed, settings))).to.match(
      /site "site-c": the mesh's list has 203\.0\.113\.3 .*ipFamilies is IPv6 alone.*take it out of the list/,
    );
    const translated = { ...settings, service: { ...(settings["service"] as object), verifyAddress: false } };
    expect(await refusal(upAt(listed, translated))).to.equal("");
  });
});

describe("where a site's pods listen", () => {
  it("is IPv4 unless the settings say it", () => {
    expect(agentSockets({ listen: ["0.0.0.0"] })).to.deep.equal({
      knot: { address: "127.0.0.1", port: 5353 },
      http: { address: "0.0.0.0", port: 8053 },
    });
  });

  it("is both families for the kubelet as soon as there is an address of IPv6, in whatever order", () => {
    const sockets = (...listen: string[]) => {
      const { knot, http } = agentSockets({ listen });
      return [knot.address, http.address];
    };
    expect(sockets("0.0.0.0", "::")).to.deep.equal(["127.0.0.1", "::"]);
    expect(sockets("::", "0.0.0.0")).to.deep.equal(["::1", "::"]);
    expect(sockets("::")).to.deep.equal(["::1", "::"]);
    expect(siteRuntime({ listen: ["::"] })).to.deep.include({ listen: ["::@5353"], secure: { listen: ["::@8853"] } });
  });
});
