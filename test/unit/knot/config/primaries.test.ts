import { expect } from "chai";

import type { Reader } from "../../../../src/keyring/reader";
import { renderSiteFiles, type SiteRuntime } from "../../../../src/knot/config/site-config";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { parseMesh } from "../../../../src/settings/parse";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    {
      name: "a",
      role: "primary-catalog",
      addresses: ["192.0.2.1"],
      zones: [
        "own.example",
        {
          name: "legacy.example",
          primaries: [
            { address: "192.0.2.53", key: "Legacy." },
            { address: "2001:DB8::53@5353", key: "legacy" },
            { address: "192.0.2.54", key: "unknown" },
          ],
        },
      ],
    },
  ],
});
const reader: Reader = { name: "legacy", algorithm: "hmac-sha256", secret: "bGVnYWN5", zones: ["legacy.example"] };

/** Knot's files of a pod, by what they are called. */
function filesOf(changes: { pod?: number; guard?: SiteRuntime["guard"]; isGuarded?: boolean } = {}) {
  const { pod = 0, guard = { least: 10, share: 1 / 3 }, isGuarded = true } = changes;
  const files = renderSiteFiles({
    packet: welcomePacket(mesh, "a", "CA"),
    ring: { signing: "new", accepted: [{ name: "new", algorithm: "hmac-sha256", secret: "bmV3" }] },
    localKey: { name: "local", algorithm: "hmac-sha256", secret: "bG9jYWw=" },
    recordsKey: { name: "records", algorithm: "hmac-sha256", secret: "cmVjb3Jkcw==" },
    readers: [reader],
    identity: { certificate: "CERTIFICATE\n", privateKey: "KEY\n", roots: "ROOTS\n" },
    view: { directorySerial: 1, catalogSerial: 1, sites: [], zones: [] },
    isGuarded,
    runtime: {
      ...{ storage: "/storage", rundir: "/rundir", listen: ["0.0.0.0@5353"], remotePort: 53, guard },
      secure: { listen: ["0.0.0.0@8853"], remotePort: 853 },
      replicas: { self: pod, addresses: ["10.0.0.1", "10.0.0.2"] },
    },
  });
  return {
    own: files.get("conf/zones.d/own.conf")!,
    templates: files.get("conf/peers.d/20-templates.conf")!,
    remotes: files.get("conf/peers.d/10-remotes.conf")!,
    access: files.get("conf/peers.d/05-access.conf")!,
  };
}

/** The lines of an item of a section. */
function item(text: string, head: string): string {
  return text.split(/^ {2}- /m).find((each) => each.startsWith(`${head}\n`)) ?? "";
}

describe("a zone from outside in Knot's configuration", () => {
  it("is taken by the writer from its primaries, by their key, and judged by the guard", () => {
    const { own, templates, remotes } = filesOf();
    expect(item(own, "domain: legacy.example"))
      .to.include("template: outside\n")
      .and.include("master: [primary-0, primary-1]\n");
    expect(item(remotes, "id: primary-0")).to.include("address: [192.0.2.53@53]\n").and.include("key: legacy\n");
    expect(item(remotes, "id: primary-1")).to.include("address: [2001:db8::53@5353]\n");
    expect(remotes).to.not.include("192.0.2.54");
    expect(item(templates, "id: outside")).to.include("external-validation: guard\n");
  });

  it("is kept as an own zone is, so that it can become one", () => {
    const { templates } = filesOf();
    const kept = (id: string) =>
      item(templates, `id: ${id}`)
        .split("\n")
        .filter((line) => /^ +(journal-content|zonefile|notify)/.test(line));
    expect(kept("outside")).to.deep.equal(kept("own"));
  });

  it("may be announced by its primaries at every pod, and changed by nobody", () => {
    for (const pod of [0, 1]) {
      const { own, access } = filesOf({ pod });
      const acl = /acl: \[(.*)\]/.exec(item(own, "domain: legacy.example"))?.[1]?.split(", ");
      expect(acl).to.include.members(["primary-0-notify", "reader-0"]).and.not.include("records");
      expect(item(access, "id: primary-0-notify")).to.include("key: [legacy]\n").and.include("action: [notify]\n");
    }
    expect(/acl: \[(.*)\]/.exec(item(filesOf().templates, "id: outside"))?.[1]).to.not.include("records");
    expect(item(filesOf().own, "domain: own.example")).to.not.include("primary-");
  });

  it("is taken by other pods from the writer", () => {
    const { own, remotes } = filesOf({ pod: 1 });
    expect(item(own, "domain: legacy.example")).to.include("template: own\n").and.not.include("master:");
    expect(remotes).to.not.include("primary-");
  });

  it("is taken from nobody while nobody judges what comes", () => {
    for (const unguarded of [filesOf({ isGuarded: false }), filesOf({ guard: false })]) {
      expect(item(unguarded.own, "domain: legacy.example"))
        .to.include("template: outside\n")
        .and.not.include("master:");
      expect(unguarded.remotes).to.not.include("primary-");
    }
  });
});
