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
  /** Is there when a process is to be ended that does not end when it is asked to. */
  readonly end: (worker: number) => string;
} {
  return {
    configuration: `${folder}/kresd.conf`,
    zoneKeys: `${folder}/zone-keys.json`,
    cache: `${folder}/cache`,
    control: (worker) => `${folder}/${worker}/control`,
    end: (worker) => `${folder}/${worker}/end`,
  };
}

/** Variable of Lua in which a process has the version of the configuration that it runs. */
export const versionVariable = "dns_mesh_configuration";

/**
 * The shell's part: each process is started as soon as there is a configuration, and again whenever it ends. What a
 * process leaves of its control socket goes before the next one starts. One that hangs is ended for the agent, which sees
 * no processes of this container. The first argument is the folder.
 */
export const resolverScript = `trap 'trap "" TERM; kill 0; wait; exit 0' TERM INT
folder=$1
mkdir -p "$folder/cache"
for worker in ${resolverWorkers.join(" ")}; do
  mkdir -p "$folder/$worker"
  while :; do
    rm -rf "$folder/$worker/control" "$folder/$worker/end"
    if [ -e "$folder/kresd.conf" ]; then
      kresd -n -c "$folder/kresd.conf" "$folder/$worker" &
      process=$!
      while sleep 1; do [ ! -e "$folder/$worker/end" ] || kill -9 "$process"; done &
      watch=$!
      wait "$process"
      kill "$watch"
      wait "$watch"
    fi
    sleep 0.5
  done &
done
wait
`;
