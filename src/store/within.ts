/** Ends as `promise` does, or at `deadline` (on the monotonic clock) with what `otherwise` says. */
export function within<T>(
  promise: Promise<T>,
  deadline: number,
  otherwise = () => new Error('no answer in time'),
): Promise<T> {
  return new Promise((resolve, reject) => {
    // A process that was held up finds the timer over and the answer waiting in its socket: the answer is read first.
    const timer = setTimeout(() => setImmediate(() => reject(otherwise())), deadline - performance.now());
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
