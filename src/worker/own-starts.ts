/** Starts that this process has asked engines for: that an engine tells of one is no news, once. */
export interface OwnStarts {
  begin(instanceId: string): void;
  /** Whether somebody else has started the instance of which an engine tells that it was started. */
  isNews(instanceId: string): boolean;
}

/** By then an engine has told of a start, or never will. */
const TOLD_WITHIN_MS = 30_000;

export function createOwnStarts(clock: () => number = () => performance.now()): OwnStarts {
  const begun = new Map<string, number>();
  const isOver = (at: number): boolean => clock() - at > TOLD_WITHIN_MS;
  return {
    begin(instanceId) {
      begun.delete(instanceId);
      begun.set(instanceId, clock());
      for (const [id, at] of begun) {
        if (!isOver(at)) break;
        begun.delete(id);
      }
    },
    isNews(instanceId) {
      const at = begun.get(instanceId);
      begun.delete(instanceId);
      return at === undefined || isOver(at);
    },
  };
}
