/** What becomes of pods when a setting is changed. */
export type Effect = "run on" | "restart" | "go";

/** Pods that a changed setting reaches, of Knot and of the record operator. Each is replaced one by one. */
export interface SettingEffect {
  readonly knot: Effect;
  readonly operator: Effect;
}

const knot = [
  ...["drainSeconds", "images.knot", "images.node", "imagePullPolicy", "resources.knot", "resources.agent"],
  ...["listen", "zoneGuard", "vault.address"],
  ...["mesh.sites[].vault.serviceAccountKeys", "mesh.transport", "vault", "vault.audience", "certificates"],
];
const operator = ["records", "images.node", "imagePullPolicy", "resources.operator", "listen"];

/**
 * What a setting does when it is changed, by its name in `docs/changing-settings.md`; any other leaves pods alone. The
 * test of that document's tables holds this to what a running mesh did.
 */
export function effectOf(setting: string): SettingEffect {
  return {
    knot: knot.includes(setting) ? "restart" : "run on",
    operator: setting === "records: false" ? "go" : operator.includes(setting) ? "restart" : "run on",
  };
}
