/** How far the log of a container was read. Lines of one time tell apart by their number. */
export class Cursor {
  /** The time of the latest line; empty before the first. */
  #time = "";
  #seen = 0;
  #skip = { time: "", left: 0 };

  /** Milliseconds since 1970 of the latest line; undefined before the first. */
  get ms(): number | undefined {
    return this.#time === "" ? undefined : Date.parse(this.#time);
  }

  /** Begins another reading, which may begin with lines that were read before. */
  rewind(): void {
    this.#skip = { time: this.#time, left: this.#seen };
  }

  /** Takes the next line, by its time. Returns whether it is new. */
  pass(time: string): boolean {
    if (time < this.#skip.time) return false;
    if (time === this.#skip.time && this.#skip.left > 0) {
      this.#skip.left--;
      return false;
    }
    if (time > this.#time) [this.#time, this.#seen] = [time, 1];
    else if (time === this.#time) this.#seen++;
    return true;
  }
}
