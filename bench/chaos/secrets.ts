import { readFile } from "node:fs/promises";

import { tlsFiles } from "../../harness/certificates";
import { type Secret, SecretSearch } from "../../harness/secret-search";
import type { Lab, LabSite } from "../../lab";
import type { TsigKey } from "../../src/dns/tsig-key";

/** Looks for what no site of a lab may write into its log: keys of the mesh, of each site, of its certificate, of the authority. */
export async function secretsOf(
  lab: Lab,
  others: readonly TsigKey[],
  further: readonly Secret[] = [],
): Promise<SecretSearch> {
  const sites = await Promise.all([...lab.sites.values()].map(siteSecrets));
  return new SecretSearch([
    ...[...lab.ring.accepted, ...others].map(ofKey),
    ...lab.authorities.map(({ key }) => ({ name: "the authority's key", value: key })),
    ...sites.flat(),
    ...further,
  ]);
}

async function siteSecrets(site: LabSite): Promise<readonly Secret[]> {
  const local = JSON.parse(await readFile(site.path("etc", "local.json"), "utf8")) as TsigKey;
  const identity = await readFile(site.path("etc", "tls", tlsFiles.key), "utf8");
  return [ofKey(local), { name: `the key of ${site.name}'s certificate`, value: identity }];
}

function ofKey({ name, secret }: TsigKey): Secret {
  return { name: `TSIG key ${name}`, value: secret };
}
