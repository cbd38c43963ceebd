import { UserError } from "../base/errors";
import type { WelcomePacket } from "../mesh/model";
import type { FormerOutputs } from "./former-outputs";
import { heldBack } from "./held-back";
import { type Published, readPublished } from "./published";

/**
 * Makes sure that the sites will take what the primary is about to publish, by what it published when it was brought up
 * last. Any other site publishes nothing.
 *
 * @param o.today - ISO date.
 * @throws UserError that names the sites and zones that would be held back.
 */
export function requirePublishable(
  { packet, published }: { readonly packet: WelcomePacket; readonly published: Published },
  o: { readonly former: FormerOutputs | undefined; readonly today: string },
): void {
  if (packet.site.role !== "primary-catalog") return;
  const found = heldBack({ before: readPublished(o.former?.["published"]), after: published, today: o.today });
  if (found.length > 0) throw new UserError(found.join("\n"));
}
