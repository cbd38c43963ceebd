import type { Heartbeats } from "../../base/clock";
import type { HttpAnswer } from "../../base/http-server";
import type { RecordOperator } from "./operator";
import type { PoolOperator } from "./pools/pool-operator";

/** What the health of the operator's program follows from. */
export interface HealthParts {
  /** Of what goes on in a standby, too. */
  readonly heart: Pick<Heartbeats, "stuck">;
  /** Our turn as the leader; undefined as long as another one leads. */
  readonly turn: () =>
    | {
        readonly operator: Pick<RecordOperator, "stuck" | "isServing">;
        readonly pools: Pick<PoolOperator, "stuck">;
      }
    | undefined;
  /** The API server answers, and another one leads. */
  readonly isStandby: () => boolean;
}

/** What the probes of the operator's pod ask: a loop that does not go on has the pod restarted, whatever it is for. */
export function healthRoutes({ heart, turn, isStandby }: HealthParts): {
  readonly "GET /live": () => HttpAnswer;
  readonly "GET /ready": () => HttpAnswer;
} {
  return {
    "GET /live": () => {
      const { operator, pools } = turn() ?? {};
      return health([...heart.stuck, ...(operator?.stuck ?? []), ...(pools?.stuck ?? [])], "stuck");
    },
    "GET /ready": () => health((turn()?.operator.isServing ?? isStandby()) ? [] : ["the Kubernetes API"], "waits for"),
  };
}

function health(problems: readonly string[], word: string): HttpAnswer {
  if (problems.length === 0) return { status: 200, body: "ok\n" };
  return { status: 503, body: `${word}: ${problems.join(", ")}\n` };
}
