import type { Command } from "commander";

import { addCommand, withJson } from "../command";

/** `mesh lab`: a mesh on this machine. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "lab",
    summary: "a mesh of real Knots and agents on this machine, gone when it ends",
    description:
      "Needs Linux, setpriv and Knot 3.5.8 or newer, which is fetched on Debian as root; no cluster, and no root for a network of loopback addresses. " +
      "It takes commands, typed or from a script (help lists them, quit ends it), and names a file by which mesh finds it: mesh status --access FILE. " +
      "Ends with 1 when a command of its script fails. It comes with a clone and with what npm pack makes of one; dist/mesh.js by itself has none.",
    examples: ["lab", "lab --sites 50 --zones 200", "lab --sites 5 --network namespaces --script partition.lab"],
  });
  withJson(command)
    .option("--sites <N>", "how many (3)")
    .option("--zones <N>", "how many zones the sites own together (one a site)")
    .option("--topology <KIND>", "full or hub: how zones travel (the mesh decides)")
    .option("--transport <KIND>", "tls, quic or tcp: what transfers run over (tls)")
    .option("--replicas <N>", "pods of each site, behind one address (1)")
    .option("--network <KIND>", "loopback, or namespaces, whose links can be cut, slow and lossy (root)")
    .option("--script <FILE>", "runs the commands in it, then ends")
    .option("--hold", "stays when the script or the input has ended, until Ctrl-C")
    .option("--storage <FOLDER>", "where the sites' volumes lie (tmpfs when there is room)")
    .option("--port <N>", "of every Knot (a free one; 53 in namespaces)")
    .action(async (options: Readonly<Record<string, string | boolean>>) => {
      const { runLab } = await import("../lab-program");
      process.exitCode = await runLab(argumentsOf(options));
    });
}

/** The lab's own arguments, which are called as the command's. */
function argumentsOf(options: Readonly<Record<string, string | boolean>>): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    typeof value === "string" ? [`--${name}=${value}`] : value ? [`--${name}`] : [],
  );
}
