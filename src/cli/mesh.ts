#!/usr/bin/env node
import { exitCodes } from "./exit-codes";
import { runMesh } from "./program";

// `mesh … | head` hangs up before the end, which is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.fine);
});

void runMesh(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
