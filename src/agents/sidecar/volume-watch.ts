import { open, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { messageOf, UserError } from "../../base/errors";
import { ensureFolder } from "../../base/files";
import { KnotVolume } from "../../knot/config/volume";
import type { Problems } from "./http/status";

/** Room on a volume, in octets. */
export interface VolumeRoom {
  readonly size: number;
  readonly free: number;
}

/** What a {@link VolumeWatch} works with. */
export interface VolumeWatchParts {
  /** Where the volume is mounted. */
  readonly root: string;
  readonly problems: Pick<Problems, "set">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** @default of the file system */
  readonly room?: (root: string) => Promise<VolumeRoom>;
  /** Tells what keeps the volume from being written. @default by a file */
  readonly look?: (root: string) => Promise<string | undefined>;
}

/** Between looks. */
const everyMs = 10_000;
/** Until a round goes on without an answer of the disk. */
const patienceMs = 500;
/** Less is nearly nothing: a twentieth, and of a large volume this much. */
const [leastShare, leastOctets] = [0.05, 2 ** 30];
const mebi = 2 ** 20;

/** Watches whether the volume can be written, and how much room it has: Knot refuses every change without. */
export class VolumeWatch {
  #dueAt = 0;
  #room: VolumeRoom | undefined;
  #looking: Promise<void> | undefined;

  constructor(private readonly parts: VolumeWatchParts) {}

  /** As of the last look. */
  get room(): VolumeRoom | undefined {
    return this.#room;
  }

  /** Looks when it is time. Never throws: what is wrong is a problem. */
  async round(): Promise<void> {
    const { root, problems, now, look = writingProblem } = this.parts;
    if (now() < this.#dueAt) return;
    this.#dueAt = now() + everyMs;
    if (this.#looking !== undefined) {
      problems.set("volume", ["the volume does not answer: a file that is written to it has not reached the disk"]);
      return;
    }
    // A disk that hangs must not hold up what else is done in this round.
    this.#looking = Promise.all([this.#roomProblem(), look(root)]).then(([room, writing]) => {
      const problem = writing ?? room;
      problems.set("volume", problem === undefined ? [] : [problem]);
      this.#looking = undefined;
    });
    await Promise.race([this.#looking, delay(patienceMs, undefined, { ref: false })]);
  }

  async #roomProblem(): Promise<string | undefined> {
    const { root, room = roomOf } = this.parts;
    this.#room = undefined;
    try {
      this.#room = await room(root);
    } catch (error) {
      return `the room on the volume cannot be read: ${messageOf(error)}`;
    }
    const { size, free } = this.#room;
    if (free >= Math.min(size * leastShare, leastOctets)) return undefined;
    return `the volume is nearly full: ${inMebi(free)} of ${inMebi(size)} MiB are free; make it larger (storageSize)`;
  }
}

/**
 * Refuses a volume that can only be read: Knot would start without any zone on it, and not find them when that is over.
 * One that is merely full will do, since what stands there is served.
 *
 * @throws UserError
 */
export async function requireWritable(root: string): Promise<void> {
  const problem = await probe(root);
  if (problem !== undefined && !isFull(problem))
    throw new UserError(`${sentence(problem)}; Knot is not started, since it serves nothing from such a volume`);
}

async function writingProblem(root: string): Promise<string | undefined> {
  const problem = await probe(root);
  if (problem === undefined) return undefined;
  if (isFull(problem))
    return "the volume is full: nothing that changes is taken, and what stood before is served; make it larger (storageSize)";
  return `${sentence(problem)}: nothing that changes is taken`;
}

/** Returns what kept a file from being written. */
async function probe(root: string): Promise<NodeJS.ErrnoException | undefined> {
  const path = new KnotVolume(root).probe;
  try {
    await ensureFolder(dirname(path));
    const file = await open(path, "w", 0o640);
    try {
      await file.writeFile("writable");
      await file.sync();
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function isFull({ code }: NodeJS.ErrnoException): boolean {
  return code === "ENOSPC" || code === "EDQUOT";
}

function sentence(problem: NodeJS.ErrnoException): string {
  return problem.code === "EROFS"
    ? "the volume is read-only (EROFS)"
    : `the volume cannot be written: ${messageOf(problem)}`;
}

async function roomOf(root: string): Promise<VolumeRoom> {
  const { blocks, bavail, bsize } = await statfs(root);
  return { size: blocks * bsize, free: bavail * bsize };
}

function inMebi(octets: number): string {
  return (octets / mebi).toFixed(octets < 10 * mebi ? 1 : 0);
}
