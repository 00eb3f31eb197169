const LONGEST = 300;
/** Of a text that is too long; the end counts more, since runtimes wrap a cause in what they were doing. */
const BEGINNING = 100;

/** An engine's words for people: one line, at most 300 characters, without user names, passwords and queries of URLs. */
export function shorten(text: string): string {
  const line = text
    .replace(/:\/\/[^/\s@]*@/g, '://')
    .replace(/(:\/\/[^\s?"']*)\?[^\s"']*/g, '$1')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length <= LONGEST ? line : `${line.slice(0, BEGINNING)}…${line.slice(BEGINNING + 1 - LONGEST)}`;
}
