import type { Effect } from "../../src/settings/effects";
import type { ListedSite } from "../mesh/running-mesh";

/** The list of sites as a user writes it. */
export interface MeshList {
  readonly sites: readonly ListedSite[];
  readonly [setting: string]: unknown;
}

/** The settings of both kinds of stacks. */
export interface Told {
  /** Settings of the shared stack beside the list. */
  readonly shared: Readonly<Record<string, unknown>>;
  readonly mesh: MeshList;
  /** Settings of the stack of the site that is changed. */
  readonly site: Readonly<Record<string, unknown>>;
}

/** Where settings are changed: values that a mesh of its own must bring. */
export interface Surroundings {
  /** The site whose settings and whose entry in the list are changed. */
  readonly site: string;
  /** A zone that it owns. */
  readonly zone: string;
  /** Its address, and another one that is its as well. */
  readonly addresses: readonly [string, string];
  /** Another way to its cluster, and another name of its context. */
  readonly otherKubeconfig: string;
  readonly otherContext: string;
  readonly images: { readonly knot: string; readonly node: string; readonly resolver?: string };
  /** Other names of the same images. */
  readonly otherImages: { readonly knot: string; readonly node: string; readonly resolver: string };
  /** A network that whoever asks is in, and the API server. */
  readonly network: string;
  readonly vaultAddress: string;
  /** PEM of the public keys of the site's cluster. */
  readonly serviceAccountKeys: readonly string[];
  /** PEM of some authority. */
  readonly authority: string;
  readonly today: string;
}

/** Changes what the stacks are told. */
export type Edit = (told: Told, surroundings: Surroundings) => Told;

/** What a change starts from, where that is not the plain mesh. */
export interface Basis {
  readonly into: Edit;
  /** The way out, where it takes more than leaving out what `into` wrote: one `up` of all stacks for each. */
  readonly out?: readonly Edit[];
}

/** One setting, with another value for it. The way back is to what it was before. */
export interface SettingChange {
  /** As `docs/changing-settings.md` calls it: a path in the settings, or such a path with a value. */
  readonly name: string;
  /** Settings by their path that it is about; `.*` at the end stands for all within. @default its name */
  readonly covers?: readonly string[];
  /** @default the plain mesh */
  readonly basis?: Basis;
  readonly to: Edit;
  /** Steps of the way back before the last, one `up` of all stacks for each. */
  readonly back?: readonly Edit[];
  readonly knot: Effect;
  readonly operator: Effect;
  /** Whether it is changed in an `up` of its own although Knot's pods run on: it excludes others. @default false */
  readonly alone?: boolean;
  /** Whether it restarts pods of other sites, too. @default false */
  readonly isMeshWide?: boolean;
  /** There is no way back: what `up` says to whoever tries. */
  readonly oneWay?: RegExp;
  readonly note?: string;
}

/** A setting that a running mesh refuses to change, with the change that is refused. */
export interface RefusedChange {
  readonly name: string;
  /** @default the plain mesh */
  readonly basis?: Basis;
  readonly to: Edit;
  /** What `up` says. */
  readonly says: RegExp;
  readonly note: string;
}

/** A setting that is not changed, and why. */
export interface UnchangedSetting {
  readonly name: string;
  readonly covers?: readonly string[];
  readonly note: string;
}

/** Settings of the site's stack. */
export function site(
  changes: Readonly<Record<string, unknown>> | ((surroundings: Surroundings) => Readonly<Record<string, unknown>>),
): Edit {
  return (told, surroundings) => ({
    ...told,
    site: { ...told.site, ...(typeof changes === "function" ? changes(surroundings) : changes) },
  });
}

/** Fields of one of the site's settings, beside those that it has. */
export function within(
  setting: string,
  changes: Readonly<Record<string, unknown>> | ((surroundings: Surroundings) => Readonly<Record<string, unknown>>),
): Edit {
  return (told, surroundings) => {
    const before = (told.site[setting] ?? {}) as Readonly<Record<string, unknown>>;
    const added = typeof changes === "function" ? changes(surroundings) : changes;
    return { ...told, site: { ...told.site, [setting]: { ...before, ...added } } };
  };
}

/** Settings of the shared stack beside the list. */
export function shared(
  changes:
    Readonly<Record<string, unknown>> | ((surroundings: Surroundings, told: Told) => Readonly<Record<string, unknown>>),
): Edit {
  return (told, surroundings) => ({
    ...told,
    shared: { ...told.shared, ...(typeof changes === "function" ? changes(surroundings, told) : changes) },
  });
}

/** Fields of the list. */
export function list(changes: Readonly<Record<string, unknown>>): Edit {
  return (told) => ({ ...told, mesh: { ...told.mesh, ...changes } });
}

/** Fields of the site's entry in the list. */
export function entry(
  change: (site: ListedSite, surroundings: Surroundings) => Readonly<Record<string, unknown>>,
): Edit {
  return (told, surroundings) => {
    const sites = told.mesh.sites.map((each) =>
      each.name === surroundings.site ? { ...each, ...change(each, surroundings) } : each,
    );
    return { ...told, mesh: { ...told.mesh, sites: sites } };
  };
}

/** Fields of the entry of a zone that the site owns. */
export function zone(
  changes: Readonly<Record<string, unknown>> | ((before: Readonly<Record<string, unknown>>) => object),
): Edit {
  return entry(({ zones }, surroundings) => ({
    zones: zones.map((each) => {
      const found: Readonly<Record<string, unknown>> = typeof each === "string" ? { name: each } : { ...each };
      if (found["name"] !== surroundings.zone) return each;
      return { ...found, ...(typeof changes === "function" ? changes(found) : changes) };
    }),
  }));
}

/** Fields of what the zone's entry says of its signatures. */
export function dnssec(changes: Readonly<Record<string, unknown>>): Edit {
  return zone((before) => {
    const said = before["dnssec"];
    return { dnssec: { ...(typeof said === "object" && said), ...changes } };
  });
}

/** One after the other. */
export function all(...edits: readonly Edit[]): Edit {
  return (told, surroundings) => edits.reduce((sofar, edit) => edit(sofar, surroundings), told);
}
