/** What the two containers of a resolver's pod agree on. */

/** Processes of Knot Resolver in a pod, which share the cache. Each is restarted by itself, while the other one answers. */
export const resolverWorkers = [0, 1] as const;

/** Where files of a resolver are, by the folder that both containers see. */
export function resolverFiles(folder: string): {
  readonly configuration: string;
  readonly zoneKeys: string;
  readonly cache: string;
  /** Where a process has its control socket, which is called by the process's id. */
  readonly control: (worker: number) => string;
} {
  return {
    configuration: `${folder}/kresd.conf`,
    zoneKeys: `${folder}/zone-keys.json`,
    cache: `${folder}/cache`,
    control: (worker) => `${folder}/${worker}/control`,
  };
}

/**
 * The shell's part: each process is started as soon as there is a configuration, and again whenever it ends. What a
 * process leaves of its control socket goes before the next one starts. The first argument is the folder.
 */
export const resolverScript = `trap 'trap "" TERM; kill 0; wait; exit 0' TERM INT
folder=$1
mkdir -p "$folder/cache"
for worker in ${resolverWorkers.join(" ")}; do
  mkdir -p "$folder/$worker"
  while :; do
    rm -rf "$folder/$worker/control"
    if [ -e "$folder/kresd.conf" ]; then kresd -n -c "$folder/kresd.conf" "$folder/$worker"; fi
    sleep 0.5
  done &
done
wait
`;
