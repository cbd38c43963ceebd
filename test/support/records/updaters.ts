import { randomBytes } from "node:crypto";
import { defaultUpdateTypes, type Updater } from "../../../src/mesh/updater";

/** An updater with a key of its own, as the settings' defaults make it. */
export function updater(
  fields: Pick<Updater, "name" | "zones" | "updateOwner"> & Partial<Updater>,
): Updater {
  return {
    algorithm: "hmac-sha256",
    secret: randomBytes(32).toString("base64"),
    updateOwnerMatch: "sub-or-equal",
    updateOwnerName: [],
    updateType: defaultUpdateTypes,
    transfer: false,
    ...fields,
  };
}
