export type Labels = Readonly<Record<string, string>>;

/** Which objects are meant, by their labels, as Kubernetes has it. */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?:
    readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | null }[] | null;
}

/** Whether labels are meant. A selector that says nothing means all, one that cannot be read means none. */
export function matches({ matchLabels = {}, matchExpressions }: LabelSelector, labels: Labels): boolean {
  const holds = {
    In: (key: string, values: readonly string[]) => values.some((value) => labels[key] === value),
    NotIn: (key: string, values: readonly string[]) => values.every((value) => labels[key] !== value),
    Exists: (key: string) => key in labels,
    DoesNotExist: (key: string) => !(key in labels),
  };
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    (matchExpressions ?? []).every(({ key, operator, values }) =>
      operator in holds ? holds[operator as keyof typeof holds](key, values ?? []) : false,
    )
  );
}
