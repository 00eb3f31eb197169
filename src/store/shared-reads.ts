/** Reads of one id that are asked for together are one read. */
export interface SharedReads<T> {
  /** What a read that begins after this call finds. */
  ask(id: string): Promise<T>;
}

interface Due<T> {
  readonly promise: Promise<T>;
  readonly begin: () => Promise<void>;
}

/**
 * At most `limit` reads at a time, and of one id never two: who asks while one is under way shares the next, since that one may have looked before
 * what the asker wants to see.
 */
export function createSharedReads<T>(read: (id: string) => Promise<T>, limit: number): SharedReads<T> {
  const due = new Map<string, Due<T>>();
  const underWay = new Set<string>();

  const beginDue = (): void => {
    for (const [id, { begin }] of due) {
      if (underWay.size >= limit) return;
      if (underWay.has(id)) continue;
      due.delete(id);
      underWay.add(id);
      void begin().then(() => {
        underWay.delete(id);
        beginDue();
      });
    }
  };

  const dueRead = (id: string): Due<T> => {
    let begin = () => Promise.resolve();
    const promise = new Promise<T>((resolve, reject) => {
      begin = () => read(id).then(resolve, reject);
    });
    return { promise, begin };
  };

  return {
    ask: (id) => {
      const known = due.get(id);
      if (known) return known.promise;
      const added = dueRead(id);
      due.set(id, added);
      // Not at once: those who were woken with this asker are about to ask as well.
      setImmediate(beginDue);
      return added.promise;
    },
  };
}
