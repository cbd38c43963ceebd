import { messageOf } from "../src/base/errors";
import { toolPath } from "./tools";
import { run } from "./tools/run";

/** What the real `kdig` prints for a name's records of a type at an address. */
export async function kdigAnswer(address: string, name: string, type = "SOA"): Promise<string> {
  return run(toolPath("kdig"), [`@${address}`, name, type, "+short"]);
}

/** What the real `kdig` says of a transfer without a key, whether it came about or not. */
export async function kdigTransfer(address: string, zone: string): Promise<string> {
  return run(toolPath("kdig"), [`@${address}`, zone, "AXFR"]).catch(messageOf);
}
