import { Argument, type Command } from "commander";

import { addCommand } from "../command";
import { completionScript, shells } from "../completion";

/** `mesh completion`: what a shell needs to complete commands and options. */
export function register(program: Command): void {
  addCommand(program, {
    usage: "completion",
    summary: "completion for a shell, as a script",
    examples: [
      "completion bash > /etc/bash_completion.d/mesh",
      'completion zsh > "${fpath[1]}/_mesh"',
      "completion fish > ~/.config/fish/completions/mesh.fish",
    ],
  })
    .addArgument(new Argument("<SHELL>").choices(shells))
    .action((shell: (typeof shells)[number]) => {
      process.stdout.write(completionScript(shell, program));
    });
}
