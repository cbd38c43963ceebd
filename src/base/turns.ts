/** Takes so many of a list at a time, and goes on from there, round and round. */
export class Turns {
  #next = 0;

  constructor(private readonly most: number) {}

  next<T>(all: readonly T[]): readonly T[] {
    if (all.length <= this.most) return all;
    const start = this.#next % all.length;
    this.#next = start + this.most;
    return [...all, ...all].slice(start, start + this.most);
  }
}
