import { expect } from "chai";
import { readSite } from "../../../src/cli/cluster-keys";
import { objects as names } from "../../../src/contract/names";
import type { KubeObject } from "../../../src/kube/answer";

const core = "/api/v1/namespaces/dns-system";
const key = { algorithm: "hmac-sha256", name: "local", secret: Buffer.alloc(32, 1).toString("base64") };
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");

describe("a site's key in its cluster", () => {
  /** What is read of a cluster with this welcome packet. */
  const read = (packet: object) => {
    const objects: Readonly<Record<string, unknown>> = {
      [`${core}/configmaps/${names.config}`]: { data: { "welcome.json": JSON.stringify(packet) } },
      [`${core}/secrets/${names.localKey}`]: { data: { "key.json": base64(key) } },
    };
    const kube = { get: (path: string) => Promise.resolve(objects[path] as KubeObject | undefined) };
    return readSite({ directoryZone: "dns.internal" }, { kube, namespace: "dns-system" }, "site-a");
  };
  const refusal = (packet: object): Promise<string> =>
    read(packet).then(
      () => "",
      (error: unknown) => String(error),
    );

  it("is taken from this site of this mesh alone", async () => {
    const packet = { site: { name: "site-a" }, directoryZone: "dns.internal", ca: "PEM" };
    expect(await read(packet)).to.deep.include({ ca: "PEM" });
    expect(await refusal({ ...packet, site: { name: "site-b" } })).to.match(/the cluster of site-b, not of site-a/);
    expect(await refusal({ ...packet, directoryZone: "dns.other" })).to.match(/of another mesh.*dns\.other/);
  });
});
