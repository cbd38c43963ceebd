import { render } from "preact";
import { useEffect, useState } from "preact/hooks";

import type { PageState } from "../page-state";
import { App } from "./app";

/** What the page knows: the last state, and whether more of them come. */
interface Reception {
  readonly state?: PageState;
  readonly isLost: boolean;
}

/** Milliseconds between two looks at whether states still come. */
const checkMs = 1000;

/** Milliseconds after which a stream that was refused is asked for again. */
const againMs = 2000;

/** Without a state for so many milliseconds what is shown is no longer live. A look at a large mesh takes some seconds itself. */
function patienceMs({ everySeconds }: PageState): number {
  return 3000 * everySeconds + 30_000;
}

function Page() {
  const [{ state, isLost }, receive] = useState<Reception>({ isLost: false });
  useEffect(() => {
    let source: EventSource;
    let again: number | undefined;
    let heardAt = Date.now();
    let last: PageState | undefined;
    const show = (isNowLost: boolean): void => {
      receive({ isLost: isNowLost, ...(last && { state: last }) });
    };
    const open = (): void => {
      source = new EventSource("events");
      source.addEventListener("state", (event) => {
        heardAt = Date.now();
        last = JSON.parse((event as MessageEvent<string>).data) as PageState;
        show(false);
      });
      source.addEventListener("error", () => {
        show(true);
        // Browsers come back by themselves, unless they were refused, as where too many pages are open.
        if (source.readyState === EventSource.CLOSED) again = window.setTimeout(open, againMs);
      });
    };
    open();
    const timer = setInterval(() => {
      if (last !== undefined && Date.now() - heardAt > patienceMs(last)) show(true);
    }, checkMs);
    return () => {
      clearInterval(timer);
      clearTimeout(again);
      source.close();
    };
  }, []);
  return <App state={state} isLost={isLost} />;
}

const place = document.getElementById("page");
if (place !== null) render(<Page />, place);
