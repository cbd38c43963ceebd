/** What of a list is not in another one: each is gone through once, however long both are. */
export function without<T>(list: readonly T[], others: Iterable<T>): readonly T[] {
  const left = new Set(others);
  return list.filter((item) => !left.has(item));
}
