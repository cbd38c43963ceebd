import { timingSafeEqual } from "node:crypto";

import { UserError } from "../../../base/errors";
import type { HttpAnswer, HttpCall } from "../../../base/http-server";
import { sha256 } from "../../../base/json";

/**
 * Does what a request asks for that shows the token; what is wrong with the request (UserError) is its answer.
 *
 * @param token - undefined where nobody can have one yet.
 */
export async function withToken(
  { bearer = "" }: HttpCall,
  token: string | undefined,
  work: () => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const digest = (text: string) => Buffer.from(sha256(text));
  if (token === undefined || !timingSafeEqual(digest(bearer), digest(token)))
    return { status: 403, body: "the token is wrong\n" };
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) return { status: 400, body: `${error.message}\n` };
    throw error;
  }
}
