import { createPrivateKey } from "node:crypto";

/** A value that nobody may see, and what to call it in a report. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** Marks a secret in Pulumi's state. */
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Shorter texts turn up by chance. */
const shortest = 12;

/**
 * The secrets of a stack: every text inside a secret of its exported state, but for what is public all the same
 * (certificates, times, short names). Values of Kubernetes' Secrets are looked into.
 */
export function secretsInState(deployment: unknown): Secret[] {
  const found = new Map<string, string>();
  walk(deployment, "", (path, value) => {
    if (!isSecret(value)) return;
    const plain: unknown = typeof value.plaintext === "string" ? JSON.parse(value.plaintext) : value["value"];
    walk(plain, path, (inner, leaf) => {
      if (typeof leaf !== "string") return;
      for (const [name, text] of contents(inner, leaf)) if (!isPublic(text) && !found.has(text)) found.set(text, name);
    });
  });
  return [...found].map(([value, name]) => ({ name, value }));
}

interface StateSecret {
  readonly plaintext?: unknown;
  readonly value?: unknown;
}

function isSecret(value: unknown): value is StateSecret {
  return (
    typeof value === "object" && value !== null && (value as Record<string, unknown>)[signature] === secretSignature
  );
}

function walk(value: unknown, path: string, visit: (path: string, value: unknown) => void): void {
  visit(path, value);
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) walk(inner, path === "" ? key : `${path}.${key}`, visit);
}

/** A text, or the texts in it when it is JSON or the base64 of JSON or PEM. */
function contents(path: string, text: string): [string, string][] {
  const decoded = Buffer.from(text, "base64").toString();
  if (decoded.startsWith("-----BEGIN ") || asObject(decoded) !== undefined) return contents(path, decoded);
  const object = asObject(text);
  if (object === undefined) return [[path, text]];
  const found: [string, string][] = [];
  walk(object, path, (inner, leaf) => {
    if (typeof leaf === "string") found.push(...contents(inner, leaf));
  });
  return found;
}

/** The list or object that a text is in JSON. Random bytes may begin like one. */
function asObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isPublic(text: string): boolean {
  if (text.includes("PRIVATE KEY")) return false;
  return text.length < 16 || /^-----BEGIN |^\d{4}-\d\d-\d\dT/.test(text);
}

/** A way in which a secret shows. */
export interface Sighting {
  readonly secret: string;
  readonly form: string;
}

/** Looks for secrets in texts, in each form that they can take on the way there. Tells names and forms, never values. */
export class SecretSearch {
  readonly #needles = new Needles<Sighting>();

  constructor(readonly secrets: readonly Secret[]) {
    for (const { name: secret, value } of secrets) {
      for (const [text, form] of pieces(value).flatMap((piece) => [...forms(piece)])) {
        if (text.length >= shortest) this.#needles.add(text, { secret, form });
      }
    }
  }

  in(text: string): Sighting[] {
    return this.#needles.in(text);
  }
}

const hashBits = 20;

/** Finds many texts at once, in one pass: states are large, and each secret has twenty forms. */
class Needles<T> {
  readonly #starts = new Map<number, { readonly bytes: Buffer; readonly found: T }[]>();
  /** Hashes of the first octets of all that is looked for. */
  readonly #isStart = new Uint8Array(1 << hashBits);

  add(text: string, found: T): void {
    const bytes = Buffer.from(text);
    const hash = hashAt(bytes, 0);
    this.#isStart[hash] = 1;
    this.#starts.set(hash, [...(this.#starts.get(hash) ?? []), { bytes, found }]);
  }

  /** What is in a text, each once, in the order of its first place. */
  in(text: string): T[] {
    const bytes = Buffer.from(text);
    const isStart = this.#isStart;
    const seen = new Set<T>();
    for (let at = 0; at + shortest <= bytes.length; at++) {
      const hash = hashAt(bytes, at);
      if (isStart[hash] === 0) continue;
      for (const { bytes: needle, found } of this.#starts.get(hash) ?? [])
        if (bytes[at + 4] === needle[4] && needle.equals(bytes.subarray(at, at + needle.length))) seen.add(found);
    }
    return [...seen];
  }
}

/** Of the four octets from there on. */
function hashAt(bytes: Buffer, at: number): number {
  const word = bytes.readUInt32LE(at);
  return (Math.imul(word, 0x9e3779b1) >>> (32 - hashBits)) & ((1 << hashBits) - 1);
}

/**
 * The parts of a secret that each give it away: a private key's number, and the lines of its PEM that have enough of it.
 * The other lines are of the public key. Anything else is taken as it is.
 */
function pieces(value: string): string[] {
  if (!value.includes("-----BEGIN ")) return [value];
  const lines = value.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("-----"));
  // Node does not read OpenSSH's own format, in which the private part comes last.
  if (value.includes("OPENSSH")) return lines.filter((line) => line.length >= 40).slice(-1);
  const { d = "" } = createPrivateKey(value).export({ format: "jwk" });
  const number = Buffer.from(d, "base64url");
  const whole = Buffer.from(lines.join(""), "base64");
  const from = whole.indexOf(number);
  if (from === -1) throw new Error("a PEM without its own private key");
  const step = ((lines[0]?.length ?? 0) / 4) * 3;
  const telling = lines.filter((_, index) => {
    const [start, end] = [Math.max(index * step, from), Math.min((index + 1) * step, from + number.length)];
    return end - start >= shortest;
  });
  return [...telling, number.toString("base64")];
}

function forms(piece: string): Map<string, string> {
  const all = new Map<string, string>();
  const add = (form: string, ...texts: readonly string[]): void => {
    for (const text of texts) if (!all.has(text)) all.set(text, form);
  };
  add("raw", piece, piece.replace(/=+$/, ""), JSON.stringify(piece).slice(1, -1));
  add("URL", encodeURIComponent(piece));
  add("hexadecimal", hex(Buffer.from(piece)), hex(Buffer.from(piece)).toUpperCase());
  const once = inBase64(piece);
  add("base64", ...once);
  add("base64url", ...once.map(toUrlAlphabet));
  add("base64 of base64", ...once.flatMap((text) => inBase64(text)));
  const bytes = Buffer.from(piece, "base64");
  if (bytes.toString("base64") === piece) {
    add("base64", ...inBase64(bytes));
    add("base64url", bytes.toString("base64url"));
    add("hexadecimal", hex(bytes), hex(bytes).toUpperCase());
  }
  return all;
}

function hex(bytes: Buffer): string {
  return bytes.toString("hex");
}

function toUrlAlphabet(text: string): string {
  return text.replaceAll("+", "-").replaceAll("/", "_");
}

/** What of a content's base64 is the same whatever stands before and after it, for each of the three places that it can begin at. */
function inBase64(content: string | Buffer): string[] {
  const bytes = Buffer.from(content);
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const end = Math.floor((before + bytes.length) / 3) * 4;
    return encoded.slice(before === 0 ? 0 : before + 1, end);
  });
}
