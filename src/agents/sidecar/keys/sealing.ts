import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

import { UserError } from "../../../base/errors";
import { canonicalJson, sha256 } from "../../../base/json";
import { type KeptHeader, type KeptKeys } from "../../../contract/kept-keys";
import { digestOf, type KeyFiles, keyIds, pack, unpack } from "./key-database";

/** The key that copies of a site's DNSSEC keys are sealed with: AES-256-GCM (NIST SP 800-38D), derived from the site's secret (RFC 5869). */
export class Seal {
  /** Names the key and tells nothing of it. */
  readonly id: string;
  readonly #key: Buffer;

  /** @throws UserError when the secret is too short to be one. */
  constructor(secret: string) {
    if (secret.length < 32) throw new UserError("the secret that the zones' keys are sealed with is too short");
    const derive = (info: string): Buffer =>
      Buffer.from(hkdfSync("sha256", secret, "", `dns-mesh zone keys ${info}`, 32));
    this.#key = derive("seal");
    this.id = sha256(derive("id")).slice(0, 16);
  }

  /** @param bound - What the content belongs to: it opens with the same alone. */
  close(content: Buffer, bound: string): Buffer {
    const nonce = randomBytes(nonceOctets);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(Buffer.from(bound));
    const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  /** @throws UserError when it was sealed with another key, belongs to something else or was changed. */
  open(sealed: Buffer, bound: string): Buffer {
    const [nonce, tag] = [sealed.subarray(0, nonceOctets), sealed.subarray(nonceOctets, nonceOctets + tagOctets)];
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce, { authTagLength: tagOctets });
      decipher.setAAD(Buffer.from(bound)).setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed.subarray(nonceOctets + tagOctets)), decipher.final()]);
    } catch {
      throw new UserError("the copy cannot be opened: it was changed, or sealed with another key");
    }
  }
}

const [nonceOctets, tagOctets] = [12, 16];

/** What of a copy is not given by its files. */
export type CopyFacts = Pick<KeptHeader, "site" | "generation" | "madeAt" | "zones">;

/** A copy of a key database: sealed, or in the clear for a store that keeps secrets itself. */
export function makeCopy(files: KeyFiles, facts: CopyFacts, seal: Seal | undefined): KeptKeys {
  const header: KeptHeader = {
    version: 1,
    ...facts,
    keys: [...keyIds(files)],
    digest: digestOf(files),
    ...(seal && { sealedWith: seal.id }),
  };
  const packed = pack(files);
  return { ...header, content: (seal?.close(packed, canonicalJson(header)) ?? packed).toString("base64") };
}

/**
 * The key database of a copy.
 *
 * @throws UserError when the copy is damaged, another site's, or sealed with another key.
 */
export function openCopy(copy: KeptKeys, site: string, seal: Seal | undefined): KeyFiles {
  const { content, ...header } = copy;
  if (header.site !== site) throw new UserError(`the copy is of site ${header.site}`);
  const octets = Buffer.from(content, "base64");
  if (header.sealedWith !== seal?.id) throw new UserError("the copy was sealed with another key");
  const files = unpack(seal?.open(octets, canonicalJson(header)) ?? octets);
  if (digestOf(files) !== header.digest) throw new UserError("the copy is damaged: its digest is another");
  return files;
}
