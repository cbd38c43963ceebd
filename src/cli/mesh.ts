#!/usr/bin/env node
import { onOutputError } from "./output-end";
import { runMesh } from "./program";

for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    onOutputError(error);
  });

void runMesh(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
