/** Calls that come in one turn of the event loop are made as one, of at most `most` items. Each ends as the call that it was part of. */
export function createBatches<Item>(
  most: number,
  call: (items: readonly Item[]) => Promise<unknown>,
): (item: Item) => Promise<void> {
  let open: { readonly items: Item[]; readonly done: Promise<void> } | null = null;

  const begin = async (items: readonly Item[]): Promise<void> => {
    await new Promise(setImmediate);
    if (open?.items === items) open = null;
    await call(items);
  };

  return (item) => {
    if (open === null || open.items.length >= most) {
      const items: Item[] = [];
      open = { items, done: begin(items) };
    }
    open.items.push(item);
    return open.done;
  };
}
