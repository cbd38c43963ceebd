/**
 * A function that remembers its last result: called again with the very same arguments it does not compute. For what is
 * asked for often and follows from immutable values that change rarely.
 */
export function rememberLast<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (last?.args.every((arg, i) => arg === args[i]) !== true) last = { args, result: compute(...args) };
    return last.result;
  };
}
