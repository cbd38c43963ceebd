import type { ComponentChildren } from "preact";

/** A column of a {@link DataTable}. */
export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  /** What the row is called by. */
  readonly isHeading?: true;
  readonly isNumber?: true;
  /** Takes what the others leave. */
  readonly isWide?: true;
}

interface DataTableProps<T> {
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T) => string;
  readonly kindOf?: (row: T) => "wrong" | "unknown" | undefined;
}

/**
 * A table that becomes a list of cards on a phone. The roles are those that its elements have anyway: browsers drop them when
 * `display` changes.
 */
export function DataTable<T>({ label, rows, columns, keyOf, kindOf }: DataTableProps<T>) {
  return (
    <table role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ title, isNumber }) => (
            <th key={title} role="columnheader" scope="col" class={isNumber && "number"}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" class={kindOf?.(row)}>
            {columns.map((column) => (
              <Cell key={column.title} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<T>({ column, row }: { readonly column: Column<T>; readonly row: T }) {
  const { title, cell, isHeading, isNumber, isWide } = column;
  const content = <span>{cell(row)}</span>;
  if (isHeading)
    return (
      <th role="rowheader" scope="row">
        {content}
      </th>
    );
  return (
    <td role="cell" data-title={title} class={isNumber ? "number" : isWide && "wide"}>
      {content}
    </td>
  );
}
