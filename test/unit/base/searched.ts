/**
 * How many items were looked through by searches in lists while something was done, had no search found anything. It grows
 * with the square of a site's zones where a list is searched for each item of another one, whatever machine it runs on.
 */
export async function searched(work: () => unknown): Promise<number> {
  const lists = Array.prototype as unknown as Record<"includes" | "indexOf", (...args: unknown[]) => unknown>;
  const { includes, indexOf } = lists;
  let items = 0;
  const counted = (search: (...args: unknown[]) => unknown) =>
    function (this: readonly unknown[], ...args: unknown[]): unknown {
      items += this.length;
      return search.apply(this, args);
    };
  Object.assign(lists, { includes: counted(includes), indexOf: counted(indexOf) });
  try {
    await work();
  } finally {
    Object.assign(lists, { includes, indexOf });
  }
  return items;
}
