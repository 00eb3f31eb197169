/** Ids are 20 characters: three letters that tell the kind, then 17 of `[0-9a-v]`. Clients treat them as opaque. */
export const ID_PREFIX = {
  container: 'bba',
  revision: 'bbr',
  operation: 'bbo',
  instance: 'bbi',
  controlPlane: 'bbp',
} as const;

export type IdKind = keyof typeof ID_PREFIX;

const ALPHABET = '0123456789abcdefghijklmnopqrstuv';
/** Random bytes that go into an id. */
export const RANDOM_LENGTH = 17;

/** Makes an id of `kind` from at least 17 random bytes. 85 bits: a collision needs some 10^12 ids. */
export function makeId(kind: IdKind, randomBytes: Uint8Array): string {
  let id: string = ID_PREFIX[kind];
  for (let index = 0; index < RANDOM_LENGTH; index += 1) {
    const byte = randomBytes[index];
    if (byte === undefined)
      throw new RangeError(`an id needs ${RANDOM_LENGTH} random bytes, got ${randomBytes.length}`);
    id += ALPHABET[byte & 31];
  }
  return id;
}

/** Whether `text` has the form of an id of `kind`; says nothing about whether the thing exists. */
export function isId(kind: IdKind, text: string): boolean {
  return text.length === 3 + RANDOM_LENGTH && text.startsWith(ID_PREFIX[kind]) && /^[0-9a-v]+$/.test(text.slice(3));
}
