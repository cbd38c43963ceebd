/**
 * Does something with clusters that are still being made. When one of these fails, all of them are taken away, and whatever is done with
 * the others fails too: the cluster's error is the cause, and the one that this ends with. It ends once both are over, so that nothing
 * is printed after it.
 *
 * @param whole - Settles once all clusters are made, or one failed and all are gone.
 */
export async function besideClusters<T>(whole: Promise<unknown>, work: Promise<T>): Promise<T> {
  const [made, done] = await Promise.allSettled([whole, work]);
  if (made.status === "rejected") throw made.reason;
  if (done.status === "rejected") throw done.reason;
  return done.value;
}
