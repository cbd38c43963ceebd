import { eventually } from "../eventually";
import type { Cluster, PodAddress } from "./types";

const mark = "end of file";

/**
 * A file in a container, to its end: ctr stops to read when a program has ended, whether or not it has read all that it printed. A mark
 * after the file shows that it did.
 */
export function readInPod(cluster: Pick<Cluster, "execInPod">, from: PodAddress, path: string): Promise<string> {
  const command = ["sh", "-c", 'cat "$1" && printf "\\n%s" "$0" && sleep 0.1', mark, path];
  return eventually(20, async () => {
    const text = await cluster.execInPod(from, command);
    if (!text.endsWith(`\n${mark}`)) throw new Error(`${path} was cut off`);
    return text.slice(0, -mark.length - 1);
  });
}
