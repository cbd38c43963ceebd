import { UserError } from "../base/errors";
import { fields, parseJson } from "../base/json";
import { objects } from "../contract/names";
import { type TsigKey, tsigKeyFrom } from "../dns/tsig-key";
import { parseTsigKey } from "../keyring/tsig-key";
import type { KubeClient } from "../kube/client";
import type { MadeKeys } from "../settings/site-parts";

/** Where a site is, and how it is asked. */
export interface LivePlace {
  readonly kube: Pick<KubeClient, "get">;
  readonly namespace: string;
}

/**
 * The welcome packet that a running site was brought up with, as JSON; undefined where the namespace has no site.
 *
 * @throws UserError when it is there and cannot be read.
 */
export async function livePacket({ kube, namespace }: LivePlace): Promise<unknown> {
  const config = await kube.get(`/api/v1/namespaces/${namespace}/configmaps/${objects.config}`);
  const text = fields(config?.["data"])["welcome.json"];
  return typeof text === "string" ? parseJson(text, `the welcome packet in ${namespace}`) : undefined;
}

/** The site's name in a packet. */
export function siteOf(packet: unknown): string {
  return String(fields(fields(packet)["site"])["name"]);
}

/**
 * Makes sure that a cluster is the site's: another one would be told to do what is not its own.
 *
 * @param missing - What to do where the namespace has no site.
 * @returns the packet.
 * @throws UserError with the cure.
 */
export async function requireSite(place: LivePlace, site: string, missing: string): Promise<unknown> {
  const packet = await livePacket(place);
  if (packet === undefined) throw new UserError(`${place.namespace} has no site yet: ${missing}`);
  const found = siteOf(packet);
  if (found !== site) throw new UserError(`this is the cluster of ${found}, not of ${site}; check the context`);
  return packet;
}

/** A Secret's files; undefined where there is no such Secret. */
export async function liveSecret(
  { kube, namespace }: LivePlace,
  name: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const secret = await kube.get(`/api/v1/namespaces/${namespace}/secrets/${name}`);
  if (secret === undefined) return undefined;
  const data = Object.entries(fields(secret["data"]));
  return Object.fromEntries(data.map(([file, text]) => [file, Buffer.from(String(text), "base64").toString("utf8")]));
}

/**
 * The key by which a site's own programs read its zones.
 *
 * @throws UserError when the site has none, or what it has is no key. It shows nothing of the content.
 */
export async function liveLocalKey(place: LivePlace): Promise<TsigKey> {
  const text = (await liveSecret(place, objects.localKey))?.["key.json"];
  if (text === undefined) throw new UserError(`${place.namespace} has no Secret ${objects.localKey} with a key`);
  return parseTsigKey(parseJson(text, `key.json of the Secret ${objects.localKey}`), `the Secret ${objects.localKey}`);
}

/** Where a site has the keys that its stack made by chance. */
const made: Readonly<
  Record<keyof MadeKeys, { readonly secret: string; readonly file: string; readonly tsig?: string }>
> = {
  local: { secret: objects.localKey, file: "key.json", tsig: "local" },
  records: { secret: objects.recordsKey, file: "key.json", tsig: "records" },
  zoneKeysSeal: { secret: objects.zoneKeysSeal, file: "key" },
  backupToken: { secret: objects.backupToken, file: "token" },
};

/**
 * The keys that a running site's stack made by chance, as far as the site has them.
 *
 * @throws UserError when a Secret is there without what it should have. It shows nothing of the content.
 */
export async function liveMadeKeys(place: LivePlace): Promise<MadeKeys> {
  const found: Partial<Record<keyof MadeKeys, string>> = {};
  for (const [key, { secret, file, tsig }] of Object.entries(made)) {
    const files = await liveSecret(place, secret);
    if (files === undefined) continue;
    const content = files[file] ?? "";
    const text = tsig === undefined ? content : textOfKey(content, tsig);
    if (!/^[A-Za-z0-9]{64}$/.test(text))
      throw new UserError(
        `the Secret ${secret} in ${place.namespace} has not been made by a site's stack: ${file} is missing or another text`,
      );
    found[key as keyof MadeKeys] = text;
  }
  return found;
}

/** The text that a TSIG key was made from; empty for what cannot be one. */
function textOfKey(json: string, name: string): string {
  try {
    const key = JSON.parse(json) as Partial<TsigKey>;
    const text = Buffer.from(key.secret ?? "", "base64").toString("ascii");
    return tsigKeyFrom(name, text).secret === key.secret && key.name === name ? text : "";
  } catch {
    return "";
  }
}
