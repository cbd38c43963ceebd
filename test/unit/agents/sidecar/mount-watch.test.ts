import { expect } from "chai";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { eventually } from "../../../../harness/eventually";
import { mountedFolders, watchMounts } from "../../../../src/agents/sidecar/inputs/mount-watch";

describe("the watch on what is mounted", () => {
  it("looks at each folder once, and at none of what is not mounted", () => {
    const folders = mountedFolders({
      ...{ packetFile: "/etc/mesh/welcome.json", settingsFile: "/etc/mesh/settings.json" },
      ...{ ringFile: "/ring/ring.json", localKeyFile: "/local/key.json", tlsFolder: "/tls" },
    });
    expect(folders).to.deep.equal(["/etc/mesh", "/ring", "/local", "/tls"]);
  });

  it("calls when the kubelet puts other content into one of them", async () => {
    const root = await mkdtemp(join(tmpdir(), "mesh-mounts-"));
    const stop = new AbortController();
    let calls = 0;
    const folders = [join(root, "packet"), join(root, "central")];
    for (const folder of folders) await mkdir(folder);
    const watching = watchMounts(folders, { changed: () => (calls += 1), signal: stop.signal });
    try {
      for (const [i, folder] of folders.entries()) {
        const before = calls;
        // A watch may begin a moment later; each version of a mount is a folder, to which one link leads.
        await eventually(5, async () => {
          const version = join(folder, `..${calls}-${i}-${performance.now()}`);
          await mkdir(version);
          await writeFile(join(version, "part-0"), "text");
          await symlink(version, join(folder, "..data_tmp"));
          await rename(join(folder, "..data_tmp"), join(folder, "..data"));
          if (calls === before) throw new Error("not called yet");
        });
      }
    } finally {
      stop.abort();
      await watching;
      await rm(root, { recursive: true });
    }
  });
});
