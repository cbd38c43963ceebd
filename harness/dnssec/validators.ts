import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import { dnskeyText, dsText } from "../../src/dns/rdata/trust-types";
import { oraclePython } from "../knot";
import { run } from "../tools/run";

/** Text of the records of a type at a zone's apex, sorted. */
export async function apexTexts(server: DnsServer, zone: string, type: "CDS" | "DNSKEY"): Promise<string[]> {
  const { answers } = await new DnsClient({ timeoutMs: 1000 }).query(server, zone, type);
  const text = type === "CDS" ? dsText : dnskeyText;
  const rdata = answers.flatMap((record) =>
    record.type === "OTHER" && record.typeName === type ? [record.rdata] : [],
  );
  return rdata.map(text).sort();
}

/**
 * Has dnspython check a zone's answers at a server against DS records.
 *
 * @returns tags of the keys that signed the answers.
 */
export async function validate(lookup: {
  readonly server: DnsServer;
  readonly zone: string;
  readonly ds: readonly string[];
  readonly questions: readonly (readonly [name: string, type: string])[];
}): Promise<readonly number[]> {
  const { server, zone, ds, questions } = lookup;
  validator ??= new Validator();
  return validator.ask({ address: server.address, port: server.port, zone, ds, questions });
}

let validator: Validator | undefined;

/** `validate.py`, one for all tasks of a run: its start takes ten times as long as a task. It ends with this process. */
class Validator {
  readonly #child = spawn(oraclePython(), [join(__dirname, "validate.py")]);
  readonly #lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  #last: Promise<unknown> = Promise.resolve();
  #errors = "";

  constructor() {
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#hold(false);
  }

  /** One task after the other. @throws Error with what is wrong with the answers. */
  ask(task: object): Promise<readonly number[]> {
    const turn = this.#last.then(() => this.#exchange(task));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #exchange(task: object): Promise<readonly number[]> {
    this.#hold(true);
    try {
      this.#child.stdin.write(`${JSON.stringify(task)}\n`);
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`validate.py ended: ${this.#errors}`);
      const said = JSON.parse(value) as { tags: number[] } | { failure: string };
      if ("failure" in said) throw new Error(said.failure);
      return said.tags;
    } finally {
      this.#hold(false);
    }
  }

  /** Whether this process lives on for it. */
  #hold(holds: boolean): void {
    const { stdin, stdout, stderr } = this.#child as unknown as Record<"stdin" | "stdout" | "stderr", Socket>;
    for (const each of [this.#child, stdin, stdout, stderr]) {
      if (holds) each.ref();
      else each.unref();
    }
  }
}

/** What BIND's `delv` says of an answer, given the zone's keys as its only trust. */
export async function delv(lookup: {
  readonly server: DnsServer;
  readonly zone: string;
  readonly ds: readonly string[];
  readonly question: readonly [name: string, type: string];
}): Promise<string> {
  const { server, zone, ds, question } = lookup;
  const folder = await mkdtemp(join(tmpdir(), "mesh-delv-"));
  try {
    const anchors = ds.map((text) => text.replace(/^(\d+ \d+ \d+) (.*)$/, `"${zone}" static-ds $1 "$2";`));
    const file = join(folder, "anchors");
    await writeFile(file, `trust-anchors { ${anchors.join(" ")} };\n`);
    const to = [`@${server.address}`, "-p", String(server.port), "-a", file, `+root=${zone}`];
    return await run("delv", [...to, ...question], { timeoutMs: 10_000 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
