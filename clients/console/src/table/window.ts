/** Which rows of a long list are drawn: those in sight and a few before and after. */
export interface RowWindow {
  first: number;
  /** One past the last. */
  end: number;
}

/** Rows drawn beyond each edge, so that a short scroll shows no gap. */
const OVERHANG = 12;

export function rowsInSight(scrollTop: number, height: number, rowHeight: number, count: number): RowWindow {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERHANG);
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + OVERHANG);
  return { first: Math.min(first, Math.max(0, end)), end: Math.max(end, Math.min(count, first)) };
}

/** Where to scroll so that a row is in sight, moving as little as can be; the head covers the first part. */
export function scrollFor(row: number, scrollTop: number, height: number, rowHeight: number): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + height ? top + rowHeight - height : scrollTop;
}
