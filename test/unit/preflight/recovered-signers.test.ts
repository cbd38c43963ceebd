import { expect } from "chai";
import { earlySigners } from "../../../src/preflight/recovered-signers";
import type { FormerOutputs, FoundStack } from "../../../src/preflight/former-outputs";
import { parseMesh } from "../../../src/settings/parse";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
    { name: "site-b", role: "secondary-catalog", addresses: ["192.0.2.2"], zones: ["b.example"] },
  ],
});
const [lost, own] = ["-----BEGIN PUBLIC KEY-----\nlost\n", "-----BEGIN PUBLIC KEY-----\nown\n"];
const former = { sites: { "site-a": { signers: [lost, own] }, "site-b": { signers: [lost, own] } } };
const broughtUp: FormerOutputs = { signers: [lost, own] };

describe("a former stack's key for epochs that leaves the settings", () => {
  const check = (
    stacks: Readonly<Record<string, FormerOutputs | Error>>,
    change: { signers?: string[]; broughtUp?: string[]; former?: FormerOutputs } = {},
  ): Promise<readonly string[]> =>
    earlySigners(
      { mesh, recovered: { signers: change.signers ?? [], roots: [], broughtUp: change.broughtUp ?? [] } },
      {
        former: change.former ?? former,
        find: (stack): Promise<FoundStack> => {
          const outputs = stacks[stack];
          if (outputs instanceof Error) return Promise.reject(outputs);
          return Promise.resolve(outputs === undefined ? { kind: "missing" } : { kind: "found", outputs });
        },
      },
    );

  it("may go once every site's stack says that it has the present one", async () => {
    expect(await check({ "site-a": broughtUp, "site-b": { signers: [own] } })).to.deep.equal([]);
  });

  it("stays as long as a site was not brought up since, and says which", async () => {
    for (const outputs of [{}, { signers: [lost] }, { signers: "anything" }])
      expect(await check({ "site-a": broughtUp, "site-b": outputs })).to.deep.equal([
        "site-b was not brought up since, and may know no other",
      ]);
  });

  it("stays where a site's stack is not there or cannot be read, unless the user saw it himself", async () => {
    const stacks = { "site-a": new Error("403") };
    expect(await check(stacks)).to.deep.equal([
      'the stack "site-a" cannot be read (403)',
      'there is no stack "site-b" to say which keys site-b has',
    ]);
    expect(await check(stacks, { broughtUp: ["site-a", "site-b"] })).to.deep.equal([]);
  });

  it("asks nobody where none is taken away", async () => {
    const none = {};
    expect(await check(none, { signers: [lost] })).to.deep.equal([]);
    expect(await check(none, { former: {} })).to.deep.equal([]);
    expect(await check(none, { former: { sites: { "site-a": { signers: [own] } } } })).to.deep.equal([]);
  });
});
