import { Argument, type Command } from "commander";

import { addCommand, printJson, textOf, withJson } from "../command";

const actions = ["add", "remove", "block"] as const;

interface Options {
  readonly to?: readonly string[];
  readonly zone?: readonly string[];
  readonly file?: string;
  readonly access?: string;
  readonly json?: boolean;
}

/** `mesh corefile`: the mesh's zones in the configuration of a cluster's CoreDNS. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "corefile",
    summary: "puts the mesh's zones into the Corefile of a cluster's CoreDNS, and takes them out",
    description:
      "add: reads a Corefile, or its ConfigMap as JSON, from the standard input, and prints it with a server block for the zones between two marks. remove: prints it without. Nothing else in it changes; what cannot be understood is refused. block: prints the server block alone, for what CoreDNS imports. The cluster is not asked: kubectl takes what is printed, and refuses it when the ConfigMap changed meanwhile.",
    examples: [
      "corefile add --to 10.96.0.53 < Corefile",
      "corefile add --to 10.96.0.53 --zone internal.dns < Corefile",
      "corefile remove < Corefile",
      "corefile block --to 10.96.0.53 > dns-mesh.server",
    ],
  });
  withJson(command)
    .addArgument(new Argument("<ACTION>", "what is printed").choices(actions))
    .option("--to <IP...>", "the addresses of the resolver's Service, for add and block")
    .option("--zone <NAME...>", "these zones, and all below them, instead of those of the list")
    .option("--file <FILE>", "the shared stack's file, which has the list (Pulumi.shared.yaml)")
    .option("--access <FILE>", "a lab instead: the access file that it names when it is ready")
    .addHelpText(
      "after",
      "  kubectl -n kube-system get configmap coredns -o json | mesh corefile add --to 10.96.0.53 | kubectl replace -f -",
    )
    .action(corefile);
}

async function corefile(action: (typeof actions)[number], options: Options): Promise<void> {
  const { stubBlock, withoutStub, withStub } = await import("../corefile/edit");
  const { readDocument } = await import("../corefile/document");
  if (action === "block") {
    const block = stubBlock(await stubOf(options));
    if (options.json === true) printJson({ block });
    else process.stdout.write(block);
    return;
  }
  const stub = action === "add" ? await stubOf(options) : undefined;
  const document = readDocument(textOf("-"));
  const changed = stub ? withStub(document.corefile, stub) : withoutStub(document.corefile);
  const isChanged = changed !== document.corefile;
  if (!isChanged) console.error("the Corefile is so already");
  if (options.json === true) printJson({ corefile: changed, changed: isChanged });
  else process.stdout.write(document.with(changed));
}

async function stubOf({ to = [], zone, ...place }: Options) {
  if (zone !== undefined) return { zones: zone.map((name) => name.replace(/\.$/, "")), to };
  const { readAccess } = await import("../mesh-access");
  const { mesh } = readAccess(place);
  return { zones: mesh.sites.flatMap(({ zones }) => zones.map(({ name }) => name)), to };
}
