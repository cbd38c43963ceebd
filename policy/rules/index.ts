import { accountsOwn, dataProtected, disruptionsBounded, rightsNarrow } from "./kept";
import { meshCoherent, removalsLimited, transfersEncrypted } from "./mesh";
import { podsIsolated, policiesNarrow, servicesPrivate } from "./network";
import { containersLimited, imagesNamed, podsRestricted } from "./pods";
import type { Rule } from "./rule";
import { secretsApart, secretsHidden } from "./secrets";

/** What holds for every stack. */
export const rules: readonly Rule[] = [
  podsRestricted,
  containersLimited,
  imagesNamed,
  accountsOwn,
  rightsNarrow,
  servicesPrivate,
  policiesNarrow,
  podsIsolated,
  secretsHidden,
  secretsApart,
  dataProtected,
  disruptionsBounded,
  meshCoherent,
  transfersEncrypted,
  removalsLimited,
];
