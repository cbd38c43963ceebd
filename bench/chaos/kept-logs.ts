import { writeFileSync } from "node:fs";

/** After the first rule was broken, so that what came of it is there too. */
const afterMs = 3000;

/** Keeps in a file what everybody had logged when the first rule was broken: each log keeps its end alone, so that it is gone later. */
export class KeptLogs implements Disposable {
  #timer: NodeJS.Timeout | undefined;
  #isPending = false;

  constructor(
    private readonly file: string | undefined,
    private readonly text: () => string,
  ) {}

  /** A rule was broken. */
  take(): void {
    if (this.#timer !== undefined) return;
    this.#isPending = true;
    this.#timer = setTimeout(() => {
      this.#write();
    }, afterMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#isPending) this.#write();
  }

  #write(): void {
    this.#isPending = false;
    if (this.file !== undefined) writeFileSync(this.file, this.text());
  }
}
