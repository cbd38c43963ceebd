import type { HttpRoutes } from "../../../base/http-server";
import { parseJson } from "../../../base/json";
import {
  factsAfter,
  parseReconcilerReport,
  type ReconcilerFacts,
  reportToken,
} from "../../../contract/reconciler-report";
import type { TsigKey } from "../../../dns/tsig-key";
import { withToken } from "./with-token";

/** What the site's reconciler says of its passes: it ends after each, so that nobody could fetch its figures. */
export class ReconcilerReports {
  #facts: ReconcilerFacts = {};

  /**
   * @param parts.key - The site's own key, which the reconciler has too; undefined before it is known.
   * @param parts.now - Milliseconds since 1970.
   */
  constructor(private readonly parts: { readonly key: () => TsigKey | undefined; readonly now: () => number }) {}

  /** What was reported since the agent started. */
  get facts(): ReconcilerFacts {
    return this.#facts;
  }

  get routes(): HttpRoutes {
    return {
      "POST /reconciler/report": (call) => {
        const key = this.parts.key();
        return withToken(call, key && reportToken(key), async () => {
          const report = parseReconcilerReport(parseJson(await call.text(), "the report"));
          this.#facts = factsAfter(this.#facts, report, this.parts.now());
          return { status: 200, body: "noted\n" };
        });
      },
    };
  }
}
