import { messageOf, UserError } from "../../base/errors";
import { setFound, setFoundTogether, type SiteAddresses } from "../list/edits";
import { type ListFile, readList } from "../list/list-file";
import {
  type AddressFinder,
  addressFinder,
  addressText,
  askForAddresses,
  autoSites,
  configsBeside,
  type FoundAddresses,
} from "../site-addresses";

/** What the list takes over of what clusters said. */
export interface TakenAddresses {
  /** The list's new text; the old one where nothing is to do. */
  readonly text: string;
  /** Sites whose addresses differ, with a sentence each. */
  readonly taken: readonly { readonly site: string; readonly said: string }[];
  /** Sites whose addresses the list cannot have, with the reason; it stays as it was about these. */
  readonly refused: readonly { readonly site: string; readonly reason: string }[];
}

/**
 * Puts the addresses that clusters gave into the text of the list. One that breaks a rule, as that of another site does,
 * leaves its own site as it was, and no other. What no cluster said changes nothing.
 */
export function withAddresses(file: string, text: string, found: ReadonlyMap<string, FoundAddresses>): TakenAddresses {
  const taken: TakenAddresses["taken"][number][] = [];
  let current = text;
  let open = [...found].flatMap(([site, each]) =>
    each.kind === "given" ? [{ site, addresses: each.addresses, reason: "" }] : [],
  );
  // An address may be free only once another site has left it.
  for (let before = Infinity; open.length > 0 && open.length < before;) {
    before = open.length;
    open = open.flatMap((each) => {
      try {
        const edit = setFound(readList(file, current), each.site, each.addresses);
        if (edit.text !== current) taken.push({ site: each.site, said: edit.said });
        current = edit.text;
        return [];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return [{ ...each, reason: `${each.addresses.join(", ")}: ${messageOf(error)}` }];
      }
    });
  }
  const together = open.length < 2 ? undefined : takenTogether(readList(file, current), open);
  if (together !== undefined) return { text: together.text, taken: [...taken, ...together.taken], refused: [] };
  return { text: current, taken, refused: open.map(({ site, reason }) => ({ site, reason })) };
}

/** Sites that may have changed places; undefined where that is not all that is wrong with their addresses. */
function takenTogether(
  list: ListFile,
  open: readonly SiteAddresses[],
): Pick<TakenAddresses, "text" | "taken"> | undefined {
  try {
    const { text, said } = setFoundTogether(list, open);
    return { text, taken: open.map(({ site }, i) => ({ site, said: said[i] ?? "" })) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}

/** The list with what clusters say of addresses, and what there is to say of that. */
export interface LookedUp {
  readonly text: string;
  /** A sentence each, with the part of it that comes from a cluster. */
  readonly addresses: readonly { readonly said: string; readonly words: string }[];
}

/** How {@link lookUpAddresses} looks. */
export interface LookUpOptions {
  /** @default by the kubeconfigs that the stacks' files beside the list name */
  readonly find?: AddressFinder;
  /** Stacks that it is about. @default all */
  readonly stacks?: readonly string[];
}

/** Asks the clusters of sites with `addresses: auto`, and writes nothing. */
export async function lookUpAddresses({ file, text, mesh }: ListFile, options: LookUpOptions = {}): Promise<LookedUp> {
  const { stacks, find = addressFinder({ directoryZone: mesh.directoryZone, configOf: configsBeside(file) }) } =
    options;
  const sites = autoSites(mesh).filter(({ name }) => stacks?.includes(name) ?? true);
  const found = await askForAddresses(sites, find);
  const next = withAddresses(file, text, found);
  const refused = new Map(next.refused.map(({ site, reason }) => [site, reason]));
  const addresses = sites.flatMap((site) => {
    const each = found.get(site.name);
    const said = each && addressText(site, each);
    if (each === undefined || said === undefined) return [];
    const reason = refused.get(site.name);
    if (reason !== undefined) return [{ said: `${site.name}: the list stays as it is: ${reason}`, words: "" }];
    return [{ said, words: each.kind === "given" ? "" : each.reason }];
  });
  return { text: next.text, addresses };
}
