const DOMAIN_PART = '[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?';
const DOMAIN = `(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const PATH_PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = `(?:${DOMAIN}/)?${PATH_PART}(?:/${PATH_PART})*`;
const TAG = '[a-zA-Z0-9_][-.a-zA-Z0-9_]{0,127}';
const DIGEST = 'sha256:[0-9a-f]{64}';
const REFERENCE = new RegExp(`^(${NAME})(?::${TAG})?(?:@${DIGEST})?$`);

/** Name 255, tag 128, digest 71, separators. The bound also keeps the matching short, whatever the text. */
const MAX_LENGTH = 456;

/** Whether `text` is an image reference in the form that Docker takes: `[registry[:port]/]name[:tag][@sha256:...]`. */
export function isImageReference(text: string): boolean {
  if (text.length > MAX_LENGTH) return false;
  const name = REFERENCE.exec(text)?.[1];
  return name !== undefined && name.length <= 255;
}
