import { expect } from "chai";
import type * as k8s from "@pulumi/kubernetes";
import {
  type Catalogue,
  ofShared,
  ofSite,
  type SettingChange,
  type Surroundings,
  type Told,
} from "../../../../harness/changes";
import type { Effect } from "../../../../src/settings/effects";
import { covers, settingPaths } from "../../../../harness/changes/setting-paths";
import { documentedRows, quoted } from "../../../../harness/doc-table";
import { SharedStack } from "../../../../components/shared/shared-stack";
import { sharedStackShape } from "../../../../src/settings/shared-settings";
import { parseStackConfig, siteSchema } from "../../../../src/settings/site-settings";
import { exampleIssued, exampleList, sharedName } from "../example-mesh";
import { runStack, type Run } from "../recorded-stack";
import { up } from "./site-run";

const site = "site-b";
const addresses = ["198.51.100.2", "198.51.100.9"] as const;

const surroundings: Surroundings = {
  site,
  zone: "catalog-secondary.internal.dns",
  addresses,
  otherKubeconfig: "/elsewhere",
  otherContext: "renamed",
  images: { knot: "registry.example/knot:1", node: "registry.example/node:1" },
  otherImages: {
    ...{ knot: "registry.example/knot:2", node: "registry.example/node:2" },
    resolver: "registry.example/resolver:2",
  },
  network: "10.0.0.0/8",
  vaultAddress: "http://192.0.2.20:8200",
  serviceAccountKeys: ["-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"],
  authority: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
  today: "2026-11-28",
};

const plain: Told = {
  shared: {},
  mesh: {
    ...exampleList,
    sites: exampleList.sites.map((each) => ({ ...each, sources: [`${each.addresses[0]}/32`] })),
  } as never,
  site: { replicas: "2", images: surroundings.images },
};

/** What the shared stack shows when it is told so. */
async function sharedOutputs({ shared, mesh }: Told): Promise<Run["outputs"]> {
  const all: Record<string, unknown> = { ...shared, mesh };
  const text = (key: string): string | undefined => {
    const value = all[key];
    return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
  };
  const config = parseStackConfig({ get: text }, "shared");
  if (config.kind !== "shared") throw new Error("not the shared stack");
  const program = () => Promise.resolve({ ...new SharedStack("mesh", config.shared).outputs });
  return (await runStack({ stack: "shared", program })).outputs;
}

/** What pods are made from. */
async function templates(told: Told): Promise<{ readonly knot: string; readonly operator: string }> {
  const outputs = Object.entries(await sharedOutputs(told));
  const run = await up(site, {
    config: { ...told.site },
    loadBalancer: addresses,
    vault: { [`dns-mesh/sites/${site}`]: exampleIssued(site) },
    stacks: {
      [sharedName]: {
        outputs: Object.fromEntries(outputs.map(([name, { value }]) => [name, value])),
        secret: outputs.filter(([, { secret }]) => secret).map(([name]) => name),
      },
    },
  });
  const text = (type: string, name: string): string => {
    const all = run.all(type).map(({ inputs }) => inputs as k8s.types.output.apps.v1.StatefulSet);
    const found = all.find(({ metadata }) => metadata.name === name);
    return found === undefined ? "" : JSON.stringify(found.spec.template);
  };
  return { knot: text("StatefulSet", "knot"), operator: text("Deployment", "record-operator") };
}

/** Templates by what they are made from: most changes start from the same. */
const made = new Map<string, ReturnType<typeof templates>>();

function templatesOf(told: Told): ReturnType<typeof templates> {
  const name = JSON.stringify(told);
  const found = made.get(name) ?? templates(told);
  made.set(name, found);
  return found;
}

async function planned({ basis, to }: SettingChange): Promise<{ readonly knot: Effect; readonly operator: Effect }> {
  const from = basis?.into(plain, surroundings) ?? plain;
  const before = await templatesOf(from);
  const after = await templatesOf(to(from, surroundings));
  const word = (name: keyof typeof before): Effect => {
    if (after[name] === "") return "go";
    return before[name] === after[name] ? "run on" : "restart";
  };
  return { knot: word("knot"), operator: word("operator") };
}

describe("what restarts pods when a setting changes", function () {
  this.timeout(240_000);

  for (const { heading, changes, refused, unchanged } of [ofSite, ofShared]) {
    for (const change of changes) {
      const { name, knot, operator } = change;
      it(`is known of ${name}: Knot's pods ${knot}, the operator's ${operator}`, async () => {
        expect(await planned(change)).to.deep.equal({ knot, operator });
      });
    }

    it(`is what docs/changing-settings.md says under "${heading}"`, () => {
      const documented = documentedRows("docs/changing-settings.md", heading).map(([name, knot, operator]) => [
        quoted(name)[0],
        knot,
        operator,
      ]);
      expect(documented).to.deep.equal([
        ...changes.map(({ name, knot, operator }) => [name, knot, operator]),
        ...refused.map(({ name }) => [name, "refused", "refused"]),
        ...unchanged.map(({ name }) => [name, "not changed", "not changed"]),
      ]);
    });
  }

  const shapes = [
    [ofSite, siteSchema.shape],
    [ofShared, sharedStackShape],
  ] as const;
  for (const [catalogue, shape] of shapes) {
    it(`is known of every setting, once ("${catalogue.heading}")`, () => {
      const rows = rowsOf(catalogue);
      const found = settingPaths(shape).map((setting) => [
        setting,
        rows.filter((covered) => covers(covered, setting)).length,
      ]);
      expect(found.filter(([, count]) => count !== 1)).to.deep.equal([]);
    });

    it(`is known of settings that there are ("${catalogue.heading}")`, () => {
      const settings = settingPaths(shape);
      expect(rowsOf(catalogue).filter((row) => !settings.some((setting) => covers(row, setting)))).to.deep.equal([]);
    });
  }
});

function rowsOf({ changes, refused, unchanged }: Catalogue): readonly string[] {
  return [
    ...[...changes, ...unchanged].flatMap(({ name, covers: named }) => named ?? [name]),
    ...refused.map(({ name }) => name),
  ];
}
