import { useState } from "preact/hooks";

/** How many more are shown at a time. */
const step = 100;

/** The beginning of a list, and a button that shows more of it where there is more. */
export function useShortList<T>(items: readonly T[], first: number, what: string) {
  const [most, setMost] = useState(first);
  const left = items.length - most;
  const more = left > 0 && (
    <p>
      <button
        type="button"
        class="more"
        onClick={() => {
          setMost(most + step);
        }}
      >
        {Math.min(left, step)} more of {left} {what}
      </button>
    </p>
  );
  return { shown: items.slice(0, most), more };
}
