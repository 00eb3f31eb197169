import type { ClientRequest, IncomingMessage, InformationEvent, ServerResponse } from 'node:http';

/** What an instance may say before its answer. Far more than any server has to say, and far too little to do harm. */
export const MAX_INTERIM = 100;
/** How many of them a caller gets to see. */
const MAX_FORWARDED = 10;
/** Bytes that may wait for a slow caller before it is spared the rest. */
const MAX_UNREAD = 16 * 1024;

/**
 * Passes on what an instance says before its answer: 100 only to a caller that waits for it; 102 and 103 to all that can
 * understand them. They are hints, so whatever cannot be passed on is left out. `onFlood` is called, perhaps more than once,
 * when there are so many that the instance must be broken.
 */
export function forwardInterim(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: ClientRequest,
  onFlood: () => void,
): void {
  let seen = 0;
  let forwarded = 0;
  let continued = false;

  function write(info: InformationEvent): void {
    if (info.statusCode === 100) {
      if (request.headers.expect !== undefined && !continued) response.writeContinue();
      continued = true;
    } else if (request.httpVersionMinor > 0 && forwarded < MAX_FORWARDED) {
      forwarded += 1;
      if (info.statusCode === 102) response.writeProcessing();
      if (info.statusCode === 103) response.writeEarlyHints({ link: linksOf(info) });
    }
  }

  upstream.on('information', (info: InformationEvent) => {
    seen += 1;
    if (seen > MAX_INTERIM) return onFlood();
    const unread = response.writableLength + (response.socket?.writableLength ?? 0);
    if (response.headersSent || response.destroyed || unread > MAX_UNREAD) return;
    try {
      write(info);
    } catch {
      // Node writes no hint of a form that it does not know, and says so by throwing.
    }
  });
}

/** Each Link field by itself: Node refuses several in one. */
function linksOf({ rawHeaders }: InformationEvent): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'link');
}
