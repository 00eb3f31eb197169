/**
 * Calls that come in one turn of the event loop are made as one, of at most `most` items; `call` resolves with a reply for each, in their order. Where it
 * rejects, all of them do.
 */
export function createBatches<Item, Reply>(
  most: number,
  call: (items: readonly Item[]) => Promise<readonly Reply[]>,
): (item: Item) => Promise<Reply> {
  let open: { readonly items: Item[]; readonly replies: Promise<readonly Reply[]> } | null = null;

  const begin = async (items: readonly Item[]): Promise<readonly Reply[]> => {
    await new Promise(setImmediate);
    if (open?.items === items) open = null;
    const replies = await call(items);
    if (replies.length !== items.length) throw new Error(`${replies.length} replies to ${items.length} calls`);
    return replies;
  };

  return async (item) => {
    if (open === null || open.items.length >= most) {
      const items: Item[] = [];
      open = { items, replies: begin(items) };
    }
    const at = open.items.push(item) - 1;
    return (await open.replies)[at] as Reply;
  };
}
