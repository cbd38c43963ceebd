import { expect } from "chai";
import fc from "fast-check";
import type { Environment, EnvironmentOf } from "../../../src/contract/environment";
import * as environments from "../../../src/contract/environments";
import { UserError } from "../../../src/base/errors";

const text = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
const socket = fc.record({
  address: fc.oneof(fc.ipV4(), fc.ipV6()),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const sockets = fc.array(
  socket.map(({ address, port }) => `${address}@${port}`),
  { minLength: 1, maxLength: 3 },
);
const common = { packetFile: text, localKeyFile: text };
const leaving = fc.integer({ min: 0, max: 999_999 });
const files = {
  ...{ readersFile: text, updatersFile: text, recordsKeyFile: text, vaultFile: text, tlsFolder: text },
  ...{ zoneKeysFile: text, zoneKeysSealFile: text, backupTokenFile: text, letThroughFile: text, centralFolder: text },
};
const milliseconds = fc.integer({ min: 1, max: 86_400_000 });

/** Options of a program, without those in `optional` sometimes. */
function optionsOf<T extends object>(
  always: { [K in keyof T]: fc.Arbitrary<T[K]> },
  optional: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
) {
  return fc.record({ ...always, ...optional }, { requiredKeys: Object.keys(always) as never[] });
}

/** By the name under which `src/contract/environments.ts` has its environment. */
const options = {
  agentEnvironment: optionsOf(
    {
      ...{ ...common, ringFile: text, storage: text, rundir: text, pod: text, knot: socket, http: socket },
      ...{ listen: sockets, secureListen: sockets, servedSeconds: leaving, answeringSeconds: leaving },
      disagreeMs: milliseconds,
    },
    files,
  ),
  reconcilerEnvironment: optionsOf({ ...common, namespace: text, pod: text }, { account: text }),
  rotatorEnvironment: optionsOf({ ...common, vaultFile: text }),
  operatorEnvironment: optionsOf(
    {
      ...{ ...common, recordsKeyFile: text, http: socket, namespace: text, pod: text },
      namespaces: fc.array(fc.stringMatching(/^[a-z*][a-z0-9-]{0,10}$/), { maxLength: 3 }),
      lookMs: fc.integer({ min: 1, max: 60_000 }),
      awayMs: milliseconds,
      leaseSeconds: fc.integer({ min: 1, max: 3_600_000 }).map((ms) => ms / 1000),
      probes: fc.array(fc.stringMatching(/^10\.0\.0\.0\/[1-9]@[1-9]\d{0,3}$/), { maxLength: 3 }),
      probesPerSecond: fc.integer({ min: 1, max: 10_000 }),
    },
    { account: text },
  ),
  backupEnvironment: optionsOf(
    {
      ...{ packetFile: text, repository: text, passwordFile: text, storageFolder: text, tokenFile: text },
      ...{ restic: text, folder: text, patienceMs: milliseconds, awayMs: milliseconds },
      retention: fc.array(fc.stringMatching(/^keep-daily=[1-9]\d{0,2}$/), { maxLength: 3 }),
    },
    { caFile: text, region: text, drillDns: socket, at: text },
  ),
  resolverEnvironment: optionsOf(
    {
      ...{ ...common, folder: text, listen: sockets, http: socket },
      upstreams: fc.array(fc.ipV4(), { maxLength: 3 }),
      unvalidatedUpstreams: fc.array(fc.ipV6(), { maxLength: 3 }),
      cacheMiB: fc.integer({ min: 1, max: 4096 }),
      lookMs: fc.integer({ min: 1, max: 60_000 }),
      keysMs: fc.integer({ min: 1, max: 3_600_000 }),
    },
    { tlsFolder: text, tlsListen: sockets },
  ),
} as unknown as Readonly<Record<string, fc.Arbitrary<object>>>;

/** Each that there is: one without options above fails. */
const programs = Object.entries(environments as unknown as Readonly<Record<string, EnvironmentOf<object>>>);
const { agentEnvironment, operatorEnvironment } = environments;

const names = (environment: Environment): readonly string[] => Object.keys(environment).sort();

for (const [name, environment] of programs) {
  const of = options[name];
  if (of === undefined) throw new Error(`no options for ${name}: a program's round trip would be held by nothing`);
  /** With all of a sample's options that may be left out. */
  const whole = fc.sample(of, { numRuns: 200, seed: 1 }).reduce((all, each) => ({ ...all, ...each }));

  describe(`the environment of the ${name.replace("Environment", "")}`, () => {
    it("has every variable in what is tried", () => {
      const written = environment.toEnvironment(whole);
      const asked = new Set<string>();
      const get = (env: Environment, variable: string) => {
        asked.add(variable);
        return env[variable];
      };
      environment.fromEnvironment(new Proxy(written, { get }));
      expect([...asked].sort()).to.deep.equal(names(written));
    });

    it("is read as it was written", () => {
      fc.assert(
        fc.property(of, (each) => {
          expect(environment.fromEnvironment(environment.toEnvironment(each))).to.deep.equal(each);
        }),
      );
    });

    it("is what a pod's variables and fields are together", () => {
      fc.assert(
        fc.property(of, (each) => {
          const variables = environment.toVariables(each);
          expect([...names(variables), ...Object.keys(environment.podFields)].sort()).to.deep.equal(
            names(environment.toEnvironment(each)),
          );
        }),
      );
    });

    it("names each variable that is missing, and those alone that must be there", () => {
      const written = environment.toEnvironment(whole);
      for (const name of names(written)) {
        const rest = Object.fromEntries(Object.entries(written).filter(([each]) => each !== name));
        try {
          const read = environment.fromEnvironment(rest);
          expect(names(environment.toEnvironment(read))).to.deep.equal(names(rest));
        } catch (error) {
          expect(error).to.be.instanceOf(UserError);
          expect((error as UserError).message).to.equal(`${name} is not set`);
        }
      }
    });

    it("is refused with a UserError that names the variable, whatever text there is, or is written back the same", () => {
      const written = environment.toEnvironment(whole);
      const near = fc.oneof(
        fc.string({ unit: fc.constantFrom("0", "1", "9", ".", ",", "@", ":", "-", "e", " ", "x"), maxLength: 12 }),
        fc.string(),
      );
      fc.assert(
        fc.property(fc.constantFrom(...names(written)), near, (name, value) => {
          try {
            const read = environment.fromEnvironment({ ...written, [name]: value });
            const again = environment.fromEnvironment(environment.toEnvironment(read));
            expect(again).to.deep.equal(read);
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
            expect(error.message).to.contain(name);
          }
        }),
      );
    });
  });
}

describe("a variable of an environment", () => {
  const agent = agentEnvironment.toEnvironment({
    ...{ packetFile: "p", localKeyFile: "l", ringFile: "k", storage: "s", rundir: "r", pod: "knot-0" },
    ...{ listen: ["0.0.0.0@53"], secureListen: ["::@853"] },
    knot: { address: "127.0.0.1", port: 53 },
    http: { address: "::", port: 8053 },
  });
  const operator = operatorEnvironment.toEnvironment({
    ...{ packetFile: "p", localKeyFile: "l", recordsKeyFile: "k", namespace: "n", pod: "o" },
    http: { address: "::", port: 8053 },
  });

  for (const [name, values] of Object.entries({
    DNS_MESH_KNOT: [
      "127.0.0.1",
      "127.0.0.1@",
      "127.0.0.1@0",
      "127.0.0.1@65536",
      "127.0.0.1@1e3",
      "@53",
      "a@53",
      "::1@53@1",
    ],
    DNS_MESH_LISTEN: ["127.0.0.1", "127.0.0.1@53,", ",", "127.0.0.1@53,::"],
    DNS_MESH_SERVED_SECONDS: ["", "-1", "NaN", "Infinity", "1e3", "0x10", "1000000", "five", "1.2345"],
  }))
    for (const value of values)
      it(`refuses ${name}="${value}"`, () => {
        expect(() => agentEnvironment.fromEnvironment({ ...agent, [name]: value })).to.throw(UserError, name);
      });

  it("says what it must be", () => {
    const read = (name: string, value: string) => () => agentEnvironment.fromEnvironment({ ...agent, [name]: value });
    expect(read("DNS_MESH_KNOT", "x")).to.throw('DNS_MESH_KNOT: "x" must have the form ADDRESS@PORT, for example');
    expect(read("DNS_MESH_SERVED_SECONDS", "x")).to.throw('"x" is not a number of seconds from 0 to 999999');
    expect(() => operatorEnvironment.fromEnvironment({ ...operator, DNS_MESH_LOOK_SECONDS: "61" })).to.throw(
      'DNS_MESH_LOOK_SECONDS: "61" is not a number of seconds from 0.001 to 60',
    );
  });

  it("is not written with what could not be read again", () => {
    const write = (changes: object) => () => {
      agentEnvironment.toEnvironment({ ...agentEnvironment.fromEnvironment(agent), ...changes });
    };
    expect(write({ storage: "" })).to.throw(UserError, "DNS_MESH_STORAGE: must not be empty");
    expect(write({ knot: { address: "knot.example", port: 53 } })).to.throw(UserError, "DNS_MESH_KNOT");
    expect(write({ http: { address: "::1", port: 0 } })).to.throw(UserError, "DNS_MESH_HTTP");
    expect(write({ servedSeconds: Number.NaN })).to.throw(UserError, "DNS_MESH_SERVED_SECONDS");
    const served = (namespaces: string[]) => () =>
      operatorEnvironment.toEnvironment({ ...operatorEnvironment.fromEnvironment(operator), namespaces });
    for (const namespaces of [["a,b"], [""]]) expect(served(namespaces)).to.throw(UserError, "DNS_MESH_NAMESPACES");
  });

  it("that no option is for is left alone: an older pod template may start a newer program", () => {
    expect(operatorEnvironment.fromEnvironment({ ...operator, DNS_MESH_PODS: "10.96.0.1@53" })).to.deep.equal(
      operatorEnvironment.fromEnvironment(operator),
    );
  });
});
