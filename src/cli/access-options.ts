import type { Command } from "commander";

/** The options by which a command finds a mesh. */
export interface AccessOptions {
  readonly file?: string;
  readonly access?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** Gives a command the options that say which mesh. */
export function withMesh(command: Command): Command {
  return command
    .option("--file <FILE>", "the shared stack's file, which has the list (Pulumi.shared.yaml)")
    .option("--access <FILE>", "a lab instead: the access file that it names when it is ready");
}

/** Gives a command the options that say which mesh, and what it may be asked with. */
export function withAccess(command: Command): Command {
  return withMesh(command)
    .option("--key <FILE>", "a key that may transfer zones, as kdig's -k reads it: ALGORITHM:NAME:SECRET")
    .option("--ca <FILE>", "the mesh's authorities (PEM), for transfers over TLS");
}
