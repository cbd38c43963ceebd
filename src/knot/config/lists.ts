/** Octets of one list; Knot takes 65,535, three more for each item included. */
const longestList = 60_000;

/** Parts of a list that each fit into one of Knot's; none for an empty list. */
export function splitList(items: readonly string[]): readonly (readonly string[])[] {
  const lists: string[][] = [];
  let room = 0;
  for (const item of items) {
    room -= item.length + 3;
    if (room < 0) {
      lists.push([]);
      room = longestList;
    }
    lists.at(-1)?.push(item);
  }
  return lists;
}
