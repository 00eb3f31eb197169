const LONGEST = 300;

/** An engine's words for people: one line, at most 300 characters, without user names, passwords and queries of URLs. */
export function shorten(text: string, longest = LONGEST): string {
  const line = text
    .replace(/:\/\/[^/\s@]*@/g, '://')
    .replace(/(:\/\/[^\s?"']*)\?[^\s"']*/g, '$1')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
