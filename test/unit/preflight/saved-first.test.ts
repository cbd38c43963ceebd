import { expect } from "chai";

import type { KubeObject } from "../../../src/kube/answer";
import { requireSaved } from "../../../src/preflight/saved-first";

describe("a site whose protection is lifted", () => {
  const now = Date.parse("2026-11-29T12:00:00Z");
  const backups = { endpoint: "https://s3.example.com" } as never;
  const config = { site: "site-c", protect: false, backups, context: "c", namespace: "dns-system" };
  let asked: string[];
  let answer: () => Promise<KubeObject | undefined>;

  const look = (changes: Partial<typeof config> = {}, former: Record<string, unknown> | "none" = { site: "site-c" }) =>
    requireSaved(
      { ...config, ...changes },
      {
        ...{ former: former === "none" ? undefined : former, now },
        client: {
          get: (path: string) => {
            asked.push(path);
            return answer();
          },
        },
      },
    );
  const cronJob = (status: object) => (): Promise<KubeObject> =>
    Promise.resolve({ metadata: { name: "backup" }, status });

  const rejection = (look: Promise<void>): Promise<string> =>
    look.then(
      () => "",
      (error: unknown) => String(error),
    );

  beforeEach(() => {
    asked = [];
    answer = cronJob({ lastSuccessfulTime: "2026-11-29T11:17:00Z" });
  });

  it("has a fresh backup, by its cluster's own word", async () => {
    await look();
    expect(asked).to.deep.equal(["/apis/batch/v1/namespaces/dns-system/cronjobs/backup"]);
  });

  it("is refused with an old one, with none, and where nobody can say, with the way on", async () => {
    answer = cronJob({ lastSuccessfulTime: "2026-11-29T09:17:00Z" });
    const old = await rejection(look());
    expect(old)
      .to.contain("its last backup is of 2026-11-29T09:17:00Z. Nothing was changed")
      .and.contain("kubectl --context c -n dns-system create job before-removal --from=cronjob/backup")
      .and.contain("or take dns-mesh:backups out of the settings too");
    answer = cronJob({});
    expect(await rejection(look())).to.contain("its backups have not succeeded yet");
    answer = () => Promise.reject(new Error("forbidden"));
    expect(await rejection(look())).to.contain('the CronJob "backup" of context "c" cannot be read');
  });

  it("is not asked where it stays protected, was unprotected before, is new, or has no backups", async () => {
    answer = cronJob({});
    await look({ protect: true });
    await look({ backups: undefined as never });
    await look({}, "none");
    await look({}, { site: "site-c", protect: false });
    expect(asked).to.deep.equal([]);
    answer = () => Promise.resolve(undefined);
    await look();
  });
});
