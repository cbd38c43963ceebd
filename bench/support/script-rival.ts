import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { LabProcess } from "../../lab/process";
import type { PoolMesh } from "./pool-mesh";

/** Seconds between its looks, as people write it. */
export const scriptSeconds = 10;
/** Seconds that a target has for its answer. */
const answerSeconds = 2;

/**
 * What people do where nothing else is there: a loop that fetches a page each ten seconds, from one place, and sends an UPDATE when it
 * does not come. Two other programs, curl and nsupdate, beside the owner; the mesh carries its changes as it carries all others.
 */
export async function startScript(
  mesh: PoolMesh,
  { name, targets, port }: { readonly name: string; readonly targets: readonly string[]; readonly port: number },
): Promise<AsyncDisposable> {
  const [first = "", second = ""] = targets;
  const { server } = mesh.lab.site(mesh.owner);
  const { key } = mesh;
  const at = (file: string): string => join(mesh.lab.folder, `${name}.${file}`);
  const keyText = `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };\n`;
  await writeFile(at("key"), keyText, { mode: 0o600 });
  const full = `${name}.${mesh.zone}.`;
  const script = `trap 'kill $!; exit' TERM
have=
while :; do
  if curl -fsS -o /dev/null --max-time ${answerSeconds} http://${first}:${port}/; then want=${first}; else want=${second}; fi
  if [ "$want" != "$have" ]; then
    printf 'server ${server.address} ${server.port}\\nzone ${mesh.zone}.\\nupdate delete ${full} A\\nupdate add ${full} 5 A %s\\nsend\\n' "$want" |
      nsupdate -v -k ${at("key")} && have=$want
  fi
  sleep ${scriptSeconds} & wait
done
`;
  await writeFile(at("sh"), script);
  const [program = "sh", ...args]: readonly string[] = [...mesh.lab.network.enter(mesh.owner), "sh", at("sh")];
  const running = new LabProcess({ command: [program, ...args] });
  return { [Symbol.asyncDispose]: () => running.end("SIGTERM") };
}
