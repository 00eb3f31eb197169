/** An image reference in its parts. `repository` is canonical: with its registry's host, and `library/` where Docker implies it. */
export type ImageReference =
  | { readonly kind: 'id'; readonly id: string }
  | {
      readonly kind: 'name';
      readonly registry: string;
      readonly repository: string;
      readonly tag: string | null;
      readonly digest: string | null;
    };

const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TAG = /^\w[\w.-]{0,127}$/;
const REGISTRY = /^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/;
const COMPONENT = /^[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*$/;

/**
 * Reads a reference by Docker's own grammar; null where it is none. Everything that goes into a path of the engine's API passes
 * here, so nothing in it can lead to another path.
 */
export function parseReference(text: string): ImageReference | null {
  if (IMAGE_ID.test(text)) return { kind: 'id', id: text };
  const at = text.indexOf('@');
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !DIGEST.test(digest)) return null;
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : null;
  if (tag !== null && !TAG.test(tag)) return null;
  const place = canonical(hasTag ? named.slice(0, colon) : named);
  if (place === null) return null;
  return { kind: 'name', ...place, tag: tag ?? (digest === null ? 'latest' : null), digest };
}

/** The one spelling of what may be written in several ways; a text that is no name stays as it is. */
export function canonicalReference(text: string): string {
  const reference = parseReference(text);
  if (reference?.kind !== 'name') return text;
  const { repository, tag, digest } = reference;
  return `${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}

/** Whether two spellings of a repository (`redis`, `docker.io/library/redis`) mean the same one. */
export function sameRepository(left: string, right: string): boolean {
  return (canonical(left)?.repository ?? left) === (canonical(right)?.repository ?? right);
}

function canonical(name: string): { readonly registry: string; readonly repository: string } | null {
  if (name.length > 255) return null;
  const [first = '', ...rest] = name.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const host = hasRegistry ? first : 'docker.io';
  const registry = host === 'index.docker.io' ? 'docker.io' : host;
  const path = hasRegistry ? rest : [first, ...rest];
  if (!REGISTRY.test(registry) || !path.every((component) => COMPONENT.test(component))) return null;
  const implied = registry === 'docker.io' && path.length === 1 ? ['library'] : [];
  return { registry, repository: [registry, ...implied, ...path].join('/') };
}
