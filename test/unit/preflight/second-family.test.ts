import { expect } from "chai";

import { KubeError } from "../../../src/kube/answer";
import { awaitSecondFamily, secondFamily, type Seen } from "../../../src/preflight/second-family";

const site = { name: "site-c", addresses: ["203.0.113.3", "2001:db8:c::53"] };

function seen(loadBalancer: readonly string[], families: readonly string[] = ["IPv4", "IPv6"]): Seen {
  return { state: { name: "knot", type: "LoadBalancer", clusterIPs: [], externalIPs: [], loadBalancer }, families };
}

/** Waits by a clock of its own, with one step of `looks` after the other; nothing more is said after the last. */
async function waited(looks: readonly (() => Promise<Seen | undefined>)[]) {
  const warned: string[] = [];
  let [now, at] = [0, 0];
  const pause = (ms: number): Promise<void> => {
    now += ms;
    return Promise.resolve();
  };
  const look = (): Promise<Seen | undefined> => (looks[Math.min(at++, looks.length - 1)] ?? looks[0]!)();
  const clock = { now: () => now, pause };
  const ended = await awaitSecondFamily(seen(["203.0.113.3"]), {
    ...{ site, look, clock },
    warn: (text) => warned.push(text),
  });
  return { ...ended, warned, seconds: now / 1000 };
}

const found =
  (...of: Parameters<typeof seen>) =>
  () =>
    Promise.resolve(seen(...of));

describe("a load balancer's address in a second family", () => {
  it("is there in whatever order, also as another one than the list's: that is for others to say", () => {
    expect(secondFamily(site, seen(["2001:db8:c::53", "203.0.113.3"]))).to.deep.equal({ kind: "settled" });
    expect(secondFamily(site, seen(["203.0.113.3", "2001:db8::7"]))).to.deep.equal({ kind: "settled" });
  });

  it("cannot be told from a host name", () => {
    expect(secondFamily(site, seen([], ["IPv4"]))).to.deep.equal({ kind: "settled" });
  });

  it("may come where the Service is of both, and where the API server did not say", () => {
    expect(secondFamily(site, seen(["203.0.113.3"]))).to.include({ kind: "awaited" });
    expect(secondFamily(site, seen(["203.0.113.3"], []))).to.include({ kind: "awaited" });
  });

  it("will not come where the Service is not of it, whichever is missing", () => {
    expect(secondFamily(site, seen(["203.0.113.3"], ["IPv4"]))).to.include({ kind: "refused" });
    const other = secondFamily(site, seen(["2001:db8:c::53"], ["IPv6"]));
    expect(other.kind === "refused" && other.problem).to.match(/has 203\.0\.113\.3, .* is of IPv6 alone/);
  });

  it("is waited for while the API server does not answer", async () => {
    const away = () => Promise.reject(new KubeError("connect ECONNREFUSED"));
    const { seconds, problem, warned } = await waited([away, away, found(site.addresses)]);
    expect([seconds, problem, warned]).to.deep.equal([4, undefined, []]);
    expect(await waited([away])).to.deep.include({ seconds: 600 });
  });

  it("is as Pulumi has it where nobody may look", async () => {
    const { seconds, problem, seen: last } = await waited([() => Promise.resolve(undefined)]);
    expect([seconds, problem, last]).to.deep.equal([0, undefined, seen(["203.0.113.3"])]);
  });

  it("is asked for no longer once the Service loses that family", async () => {
    const { seconds, problem } = await waited([found(["203.0.113.3"]), found(["203.0.113.3"], ["IPv4"])]);
    expect([seconds, problem?.includes("of IPv4 alone")]).to.deep.equal([2, true]);
  });
});
