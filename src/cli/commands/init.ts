import type { Command } from "commander";

import { addCommand, printJson, withJson } from "../command";
import type { InitAnswers } from "../init/files";
import type { InitFlags } from "../init/flags";

interface Options extends InitFlags {
  readonly folder: string;
  readonly json?: boolean;
}

/** `mesh init`: the stacks' files of a new mesh. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "init",
      summary: "writes the stacks' files of a new mesh",
      description:
        "Asks for the sites on a terminal, unless --site names them. Files that are there are never overwritten. It touches no cluster.",
      examples: [
        "init",
        "init --site site-a=192.0.2.1 --site site-b=198.51.100.2 --zone site-b=b.example --context site-b=cluster-b",
      ],
    }),
  )
    .option(
      "--site <NAME=IP...>",
      "a site, and where it is asked; the first has the primary catalog, the second stands in",
    )
    .option("--zone <NAME=ZONE...>", "a zone that a site owns")
    .option("--context <NAME=CONTEXT...>", "the kubeconfig context of a site's cluster, if not called as the site is")
    .option("--kubeconfig <FILE>", "the kubeconfig (KUBECONFIG, else ~/.kube/config)")
    .option("--directory-zone <ZONE>", "zone that says which sites there are", "dns.internal")
    .option("--catalog-zone <ZONE>", "zone that lists all zones", "catalog.internal.dns")
    .option("--organization <NAME>", "of Pulumi Cloud; as it is for a folder or a bucket", "organization")
    .option("--folder <DIR>", "where the files go", ".")
    .action(init);
}

async function init(options: Options): Promise<void> {
  const { initFiles, initSteps, writeNew } = await import("../init/files");
  const answers = await answersFor(options);
  const written = await writeNew(options.folder, initFiles(answers));
  const next = written.length === 0 ? [] : initSteps(answers);
  if (options.json === true) {
    printJson({ folder: options.folder, written, next });
    return;
  }
  console.log(written.length === 0 ? "The files are there already: nothing to do" : `Written: ${written.join(", ")}`);
  if (next.length > 0) console.log(["Nothing runs yet. Next:", ...next.map((line) => `  ${line}`)].join("\n"));
}

async function answersFor(options: Options): Promise<InitAnswers> {
  const { contextsIn } = await import("../../kube/kubeconfig");
  const contexts = contextsIn(options.kubeconfig);
  if (options.site !== undefined) {
    const { answersOf } = await import("../init/flags");
    return answersOf(options, contexts);
  }
  const { askForMesh, questionsFor } = await import("../init/ask");
  using questions = questionsFor(options, "name the sites: mesh init --site site-a=192.0.2.1 …");
  return {
    ...(await askForMesh(questions, contexts)),
    organization: options.organization,
    kubeconfig: options.kubeconfig,
  };
}
