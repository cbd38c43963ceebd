import { randomBytes } from "node:crypto";
import type { TsigKey } from "../../../src/mesh/model";
import { defaultUpdateTypes, type Updater } from "../../../src/mesh/updater";

/** A fresh key. */
export function tsigKey(name: string): TsigKey {
  return { name, algorithm: "hmac-sha256", secret: randomBytes(32).toString("base64") };
}

/** An updater with a key of its own, as the settings' defaults make it. */
export function updater(fields: Pick<Updater, "name" | "zones" | "updateOwner"> & Partial<Updater>): Updater {
  return {
    ...tsigKey(fields.name),
    updateOwnerMatch: "sub-or-equal",
    updateOwnerName: [],
    updateType: defaultUpdateTypes,
    transfer: false,
    ...fields,
  };
}
