import { type Command, Option } from "commander";

import { type AccessOptions, withAccess } from "../access-options";
import { addCommand, printJson, withJson } from "../command";

interface Options extends AccessOptions {
  readonly format: "mermaid" | "svg";
  readonly look: boolean;
  readonly json?: boolean;
}

/** `mesh graph`: the mesh as a picture. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "graph",
    summary: "draws the mesh: sites, roles, who takes from whom, what is broken",
    description:
      "Looks at the mesh first, as status does, and marks the sites that something is wrong with; --no-look draws the list alone.",
    examples: ["graph > mesh.mmd", "graph --format svg > mesh.svg", "graph --no-look"],
  });
  withJson(withAccess(command))
    .addOption(new Option("--format <FORMAT>", "of the picture").choices(["mermaid", "svg"]).default("mermaid"))
    .option("--no-look", "asks nobody")
    .action(graph);
}

async function graph(options: Options): Promise<void> {
  const { readAccess } = await import("../mesh-access");
  const access = readAccess(options);
  const { lookAt } = await import("../status");
  const { graphOf, mermaid, svg } = await import("../graph");
  const report = options.look ? await lookAt(access, { turn: Date.now(), clusters: true }) : undefined;
  const picture = graphOf(access.mesh, report);
  if (options.json === true) printJson(picture);
  else process.stdout.write(options.format === "svg" ? svg(picture) : mermaid(picture));
}
