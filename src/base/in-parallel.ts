/** Works through a list, so many items at a time, in its order. The first failure is thrown when all that began has ended. */
export async function inParallel<T>(
  width: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items].reverse();
  const workers = Array.from({ length: Math.min(width, rest.length) }, async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item);
  });
  const failed = (await Promise.allSettled(workers)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
