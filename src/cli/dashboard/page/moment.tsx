/** A time, as the reader's own clock has it. */
export function Moment({ at }: { readonly at: string }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const text = isToday ? date.toLocaleTimeString("en-GB") : date.toLocaleString("en-GB");
  return (
    <time dateTime={at} title={at}>
      {text}
    </time>
  );
}

/** A day, or a dash where it is not known. */
export function Day({ at }: { readonly at: string | undefined }) {
  return at === undefined ? (
    <>?</>
  ) : (
    <time dateTime={at} title={at}>
      {at.slice(0, 10)}
    </time>
  );
}
