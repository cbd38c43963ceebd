import type { Command } from "commander";

/** Shells that there is a completion for. */
export const shells = ["bash", "zsh", "fish"] as const;

interface Word {
  readonly word: string;
  readonly summary: string;
}

/** What may follow a command: the words of its path, and what can come then. */
interface Place {
  /** Words behind `mesh`, each with a space before it. */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly Word[];
  /** Values of its first argument, where they are known. */
  readonly choices: readonly string[];
}

/** The script by which a shell completes commands, options and known values, and names of files otherwise. */
export function completionScript(shell: (typeof shells)[number], program: Command): string {
  return scripts[shell](placesOf(program, ""));
}

function placesOf(command: Command, path: string): readonly Place[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const own: Place = {
    path,
    commands: commands.map((each) => ({ word: each.name(), summary: each.summary() || each.description() })),
    options: help.visibleOptions(command).map((option) => ({
      word: option.long ?? option.short ?? "",
      summary: option.description,
    })),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
  const below = commands.filter((each) => each.name() !== "help");
  return [own, ...below.flatMap((each) => placesOf(each, `${path} ${each.name()}`))];
}

/** Shell code that leaves in `path` the words of the command line that are commands. */
function walk(places: readonly Place[], words: string): readonly string[] {
  const known = places.flatMap(({ path }) => (path === "" ? [] : [`"${path}"`]));
  return [
    `  local path="" word`,
    `  for word in ${words}; do`,
    `    case "$path $word" in ${known.join(" | ")}) path="$path $word" ;; esac`,
    `  done`,
  ];
}

function bashScript(places: readonly Place[]): string {
  const cases = places.flatMap(({ path, commands, options, choices }) => {
    const plain = [...commands.map(({ word }) => word), ...choices].join(" ");
    const dashed = options.map(({ word }) => word).join(" ");
    return [`    "${path} -") words="${dashed}" ;;`, `    "${path} ") words="${plain}" ;;`];
  });
  return `${[
    "_mesh() {",
    `  local current="\${COMP_WORDS[COMP_CWORD]}" words=""`,
    ...walk(places, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`),
    `  local kind=""`,
    `  [[ $current == -* ]] && kind="-"`,
    `  case "$path $kind" in`,
    ...cases,
    "  esac",
    `  COMPREPLY=($(compgen -W "$words" -- "$current"))`,
    "}",
    "complete -o default -F _mesh mesh",
  ].join("\n")}\n`;
}

function zshScript(places: readonly Place[]): string {
  const described = ({ word, summary }: Word): string => quoted(`${word.replaceAll(":", "\\:")}:${summary}`);
  const cases = places.flatMap(({ path, commands, options, choices }) => {
    const plain = [...commands.map(described), ...choices.map(quoted)].join(" ");
    return [
      `    ${quoted(`${path} -`)}) words=(${options.map(described).join(" ")}) ;;`,
      `    ${quoted(`${path} `)}) words=(${plain}) ;;`,
    ];
  });
  return `${[
    "#compdef mesh",
    "_mesh() {",
    '  local -a words_before=("${(@)words[2,CURRENT-1]}")',
    `  local current="\${words[CURRENT]}"`,
    ...walk(places, `"\${words_before[@]}"`),
    "  local -a words=()",
    `  local kind=""`,
    `  [[ $current == -* ]] && kind="-"`,
    `  case "$path $kind" in`,
    ...cases,
    "  esac",
    `  if (( \${#words} )); then _describe mesh words; else _files; fi`,
    "}",
    `if [[ "$funcstack[1]" == _mesh ]]; then _mesh "$@"; else compdef _mesh mesh; fi`,
  ].join("\n")}\n`;
}

function fishScript(places: readonly Place[]): string {
  const known = places.flatMap(({ path }) => (path === "" ? [] : [quoted(path)]));
  const lines = places.flatMap(({ path, commands, options, choices }) => {
    const start = `complete -c mesh -n ${quoted(`__mesh_at ${path === "" ? "''" : quotedWithin(path)}`)}`;
    return [
      ...commands.map(({ word, summary }) => `${start} -f -a ${word} -d ${quoted(summary)}`),
      ...choices.map((word) => `${start} -f -a ${word}`),
      ...options.map(({ word, summary }) => `${start} -l ${word.replace(/^--/, "")} -d ${quoted(summary)}`),
    ];
  });
  return `${[
    "function __mesh_at",
    `  set -l path ""`,
    "  for word in (commandline -opc)[2..-1]",
    `    contains -- "$path $word" ${known.join(" ")}; and set path "$path $word"`,
    "  end",
    `  test "$path" = "$argv[1]"`,
    "end",
    ...lines,
  ].join("\n")}\n`;
}

const scripts: Readonly<Record<(typeof shells)[number], (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** For a shell, in single quotes, which all three read alike where the text has none of its own. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}

function quotedWithin(text: string): string {
  return `"${text}"`;
}
