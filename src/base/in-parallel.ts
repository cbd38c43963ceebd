/**
 * Works through a list, so many items at a time, in its order. Every item has its turn, whatever fails
 * before it; the first failure is thrown when all have ended.
 */
export async function inParallel<T>(
  width: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items].reverse();
  const failures: unknown[] = [];
  const workers = Array.from({ length: Math.min(width, rest.length) }, async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) {
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  });
  await Promise.all(workers);
  if (failures.length > 0) throw failures[0];
}
