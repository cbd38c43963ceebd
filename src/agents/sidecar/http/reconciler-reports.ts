import { timingSafeEqual } from "node:crypto";

import { UserError } from "../../../base/errors";
import type { HttpCall, HttpRoutes } from "../../../base/http-server";
import { parseJson, sha256 } from "../../../base/json";
import {
  factsAfter,
  parseReconcilerReport,
  type ReconcilerFacts,
  reportToken,
} from "../../../contract/reconciler-report";
import type { TsigKey } from "../../../dns/tsig-key";

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
      "POST /reconciler/report": async (call) => {
        if (!this.#isAllowed(call)) return { status: 403, body: "the token is wrong\n" };
        try {
          const report = parseReconcilerReport(parseJson(await call.text(), "the report"));
          this.#facts = factsAfter(this.#facts, report, this.parts.now());
          return { status: 200, body: "noted\n" };
        } catch (error) {
          if (error instanceof UserError) return { status: 400, body: `${error.message}\n` };
          throw error;
        }
      },
    };
  }

  #isAllowed({ bearer = "" }: HttpCall): boolean {
    const key = this.parts.key();
    const digest = (text: string) => Buffer.from(sha256(text));
    return key !== undefined && timingSafeEqual(digest(bearer), digest(reportToken(key)));
  }
}
