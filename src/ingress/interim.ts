import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AnswerHead } from './answer-parser.js';

/** What an instance may say before its answer. Far more than any server has to say, and far too little to do harm. */
export const MAX_INTERIM = 100;
/** How many of them a caller gets to see. */
const MAX_FORWARDED = 10;
/** Bytes that may wait for a slow caller before it is spared the rest. */
const MAX_UNREAD = 16 * 1024;

/**
 * Passes on what an instance says before its answer: 100 only to a caller that waits for it; 102 and 103 to all that can
 * understand them. They are hints, so whatever cannot be passed on is left out.
 */
export class Interim {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #seen = 0;
  #forwarded = 0;
  #continued = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  /** False: there are so many that the instance must be broken. */
  forward(head: AnswerHead): boolean {
    this.#seen += 1;
    if (this.#seen > MAX_INTERIM) return false;
    const response = this.#response;
    const unread = response.writableLength + (response.socket?.writableLength ?? 0);
    if (response.headersSent || response.destroyed || unread > MAX_UNREAD) return true;
    try {
      this.#write(head);
    } catch {
      // Node writes no hint of a form that it does not know, and says so by throwing.
    }
    return true;
  }

  #write(head: AnswerHead): void {
    if (head.status === 100) {
      if (this.#request.headers.expect !== undefined && !this.#continued) this.#response.writeContinue();
      this.#continued = true;
    } else if (this.#request.httpVersionMinor > 0 && this.#forwarded < MAX_FORWARDED) {
      this.#forwarded += 1;
      if (head.status === 102) this.#response.writeProcessing();
      if (head.status === 103) this.#response.writeEarlyHints({ link: linksOf(head) });
    }
  }
}

/** Each Link field by itself: Node refuses several in one. */
function linksOf({ fields }: AnswerHead): string[] {
  return fields.filter((_value, index) => index % 2 === 1 && fields[index - 1]?.toLowerCase() === 'link');
}
