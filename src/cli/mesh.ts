#!/usr/bin/env node
import { isMainThread } from "node:worker_threads";

import { onOutputError } from "./output-end";
import { runMesh } from "./program";

async function main(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      onOutputError(error);
    });
  process.exitCode = await runMesh(process.argv.slice(2));
}

// The one file that all of this is made is what its threads run, too.
if (isMainThread) void main();
else void import("./verify-threads");
