/** Something long, begun when its turn comes. */
export type Turn<T> = readonly [name: string, begin: () => Promise<T>];

export interface InTurn<T> {
  result(name: string): Promise<T>;
  /** Resolves when nothing that has begun is under way any more. */
  idle(): Promise<void>;
}

/**
 * The results of all these, to be asked for in their order: with the one that is asked for, the `ahead` next ones begin, since each of
 * them waits most of the time.
 */
export function inTurn<T>(turns: readonly Turn<T>[], ahead: number): InTurn<T> {
  const begun = new Map<string, Promise<T>>();
  return {
    result: (wanted) => {
      const at = turns.findIndex(([name]) => name === wanted);
      for (const [name, begin] of turns.slice(at, at + 1 + ahead)) {
        if (begun.has(name)) continue;
        const result = begin();
        result.catch(() => {}); // whoever wants the result hears of it
        begun.set(name, result);
      }
      return begun.get(wanted) ?? Promise.reject(new Error(`${wanted} has no turn`));
    },
    idle: async () => void (await Promise.allSettled(begun.values())),
  };
}
