import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { isAlive, type ProcessId, processId } from "../tools/lock";
import { run } from "../tools/run";

/** A long-running program of a machine. */
export interface Daemon {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

/** Keeps asking until the answer is true; fails with what was waited for. */
export async function until(what: string, seconds: number, check: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < end) {
    try {
      if (await check()) return;
    } catch (error) {
      last = error;
    }
    await delay(100);
  }
  throw new Error(`waited ${seconds} s for ${what}`, { cause: last });
}

/**
 * A "machine" for one node: processes in their own network, mount and process namespaces. Its first process holds all others:
 * when that one is killed the kernel ends the rest, pods included, and drops their mounts.
 */
export class Machine {
  constructor(
    /** Network namespace that it lives in. */
    readonly namespace: string,
    /** Folder with its disk (`lib`, `log`) and what is known of its first process. */
    readonly folder: string,
  ) {}

  private get initFile(): string {
    return join(this.folder, "init.json");
  }

  /** Where daemons' output goes. */
  get logs(): string {
    return join(this.folder, "log");
  }

  private init(): ProcessId | undefined {
    try {
      return JSON.parse(readFileSync(this.initFile, "utf8")) as ProcessId;
    } catch {
      return undefined;
    }
  }

  get isOn(): boolean {
    return isAlive(this.init());
  }

  /** Starts the first process. It outlives this one. */
  async powerOn(): Promise<void> {
    if (this.isOn) return;
    mkdirSync(this.logs, { recursive: true });
    const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const script = join(__dirname, "init.sh");
    const child = this.launch("init", [
      "nsenter",
      `--net=/run/netns/${this.namespace}`,
      "unshare",
      ...namespaces,
      "bash",
      script,
      this.folder,
    ]);
    child.unref();
    const wrapper = String(child.pid);
    await until(`the first process of ${this.namespace}`, 10, () => {
      const children = readFileSync(`/proc/${wrapper}/task/${wrapper}/children`, "utf8").trim();
      const id = children === "" ? undefined : processId(Number(children.split(" ")[0]));
      if (id) writeFileSync(this.initFile, JSON.stringify(id));
      return id !== undefined;
    });
    await until(`the mounts of ${this.namespace}`, 10, async () => {
      await this.exec(["test", "-e", "/run/pids/ready"]);
      return true;
    });
  }

  /** Pulls the plug: everything ends at once. */
  async powerOff(): Promise<void> {
    const init = this.init();
    if (init && isAlive(init)) {
      process.kill(init.pid, "SIGKILL");
      await until(`the end of ${this.namespace}`, 20, () => !isAlive(init));
    }
    rmSync(this.initFile, { force: true });
  }

  /** Starts a program that outlives this process, with its output in a log file. It becomes a child of the machine's first process. */
  async start(daemon: Daemon): Promise<void> {
    const orphan = ["sh", "-c", 'setsid "$@" & echo $! >"/run/pids/$0"', daemon.name];
    const child = this.launch(daemon.name, [...this.enter(), ...orphan, ...daemon.command]);
    await once(child, "exit");
  }

  /** Starts those of these programs again that ended by themselves, as a node's service manager does. */
  async revive(daemons: readonly Daemon[]): Promise<void> {
    const script = 'for name; do [ -d "/proc/$(cat "/run/pids/$name")" ] || echo "$name"; done';
    const ended = (await this.exec(["sh", "-c", script, "sh", ...daemons.map(({ name }) => name)])).split("\n");
    for (const daemon of daemons) if (ended.includes(daemon.name)) await this.start(daemon);
  }

  /** Ends a program at once and waits until it is gone. */
  async stop(name: string): Promise<void> {
    const script = `pid=$(cat /run/pids/${name}) || exit 0; kill -KILL $pid; while [ -d /proc/$pid ]; do sleep 0.05; done; rm /run/pids/${name}`;
    await this.exec(["sh", "-c", script]);
  }

  /** Runs a command on the machine and returns its output. */
  exec(command: readonly string[], input?: string): Promise<string> {
    const [program = "", ...args] = [...this.enter(), ...command];
    return run(program, args, input === undefined ? {} : { input });
  }

  private enter(): string[] {
    const init = this.init();
    if (!init || !isAlive(init)) throw new Error(`${this.namespace} is off`);
    return ["nsenter", "--target", String(init.pid), "--mount", "--net", "--pid", "--"];
  }

  /** On one core each, Go's daemons at rest take a third less CPU: many of them share this machine's. */
  private launch(name: string, command: readonly string[]): ChildProcess {
    const log = openSync(join(this.logs, `${name}.log`), "a");
    const [program = "", ...args] = command;
    const env = { GOMAXPROCS: "1", ...process.env };
    const child = spawn(program, args, { detached: true, stdio: ["ignore", log, log], cwd: "/", env });
    closeSync(log);
    child.on("error", () => undefined);
    return child;
  }
}
