import { randomBytes, randomInt } from "node:crypto";

import { hash } from "bcryptjs";

import { type BridgedPlugin, BridgedProvider, type ResourceKind } from "../bridged";
import type { Properties } from "../wire";

const specials = "!@#$%&*()-_=+[]{}<>:?";
const alphabets = {
  Lower: "abcdefghijklmnopqrstuvwxyz",
  Upper: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  Numeric: "0123456789",
} as const;

function derived(inputs: Properties): Properties {
  const numeric = inputs["numeric"] ?? inputs["number"] ?? true;
  return {
    lower: true,
    upper: true,
    special: true,
    minLower: 0,
    minUpper: 0,
    minNumeric: 0,
    minSpecial: 0,
    ...inputs,
    numeric,
    number: numeric,
  };
}

function pick(alphabet: string, count: number): string[] {
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)] ?? "");
}

function shuffled(letters: string[]): string {
  for (let index = letters.length - 1; index > 0; index--) {
    const other = randomInt(index + 1);
    [letters[index], letters[other]] = [letters[other] ?? "", letters[index] ?? ""];
  }
  return letters.join("");
}

function makeText(settings: Properties): string {
  const special = typeof settings["overrideSpecial"] === "string" ? settings["overrideSpecial"] : specials;
  const sets = [...Object.entries(alphabets), ["Special", special] as const].filter(
    ([name]) => settings[name.toLowerCase()] === true,
  );
  const least = sets.flatMap(([name, alphabet]) => pick(alphabet, Number(settings[`min${name}`] ?? 0)));
  const all = sets.map(([, alphabet]) => alphabet).join("");
  if (all === "") throw new Error("no characters to choose from");
  return shuffled([...least, ...pick(all, Math.max(0, Number(settings["length"]) - least.length))]);
}

const password: ResourceKind = {
  required: ["length"],
  updatable: [],
  secrets: ["result", "bcryptHash"],
  computed: ["result", "bcryptHash", "id"],
  derived,
  async create(inputs) {
    const settings = derived(inputs);
    const result = makeText(settings);
    return { id: "none", outputs: { ...settings, id: "none", result, bcryptHash: await hash(result, 10) } };
  },
};

const id: ResourceKind = {
  required: ["byteLength"],
  updatable: [],
  secrets: [],
  computed: ["b64Std", "b64Url", "dec", "hex", "id"],
  create(inputs) {
    const bytes = randomBytes(Number(inputs["byteLength"]));
    const prefix = typeof inputs["prefix"] === "string" ? inputs["prefix"] : "";
    const name = bytes.toString("base64url");
    const hex = bytes.toString("hex");
    const spelled = { b64Std: bytes.toString("base64"), b64Url: name, hex, dec: BigInt(`0x${hex}`).toString() };
    const prefixed = Object.fromEntries(Object.entries(spelled).map(([key, text]) => [key, prefix + text]));
    return { id: name, outputs: { ...inputs, ...prefixed, id: name } };
  },
};

/** As with the real one, the resource's id is the secret itself, in the clear. */
const bytes: ResourceKind = {
  required: ["length"],
  updatable: [],
  secrets: ["base64", "hex"],
  computed: ["base64", "hex"],
  create(inputs) {
    const made = randomBytes(Number(inputs["length"]));
    return {
      id: made.toString("base64url"),
      outputs: { ...inputs, base64: made.toString("base64"), hex: made.toString("hex") },
    };
  },
};

const plugin: BridgedPlugin = {
  version: "4.21.2",
  notesDefaults: false,
  kinds: {
    "random:index/randomPassword:RandomPassword": password,
    "random:index/randomId:RandomId": id,
    "random:index/randomBytes:RandomBytes": bytes,
  },
  functions: {},
};

/** Stands in for Pulumi's random plugin: passwords, ids and bytes. */
export function randomProvider(): BridgedProvider {
  return new BridgedProvider(plugin);
}
