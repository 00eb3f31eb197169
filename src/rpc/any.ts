import type { Any } from '../../gen/ts/google/protobuf/any.js';
import { createEncoder, type EncodableType } from './encoder.js';
import { nameOn, type Surface } from './surfaces.js';

/** What packing needs of a generated message type. */
export interface PackableType<T> extends EncodableType<T> {
  readonly $type: string;
}

/** Clients compare the whole URL, strictly. */
const PREFIX = 'type.googleapis.com/';

const encode = createEncoder();

/** Packs a message under the name that the caller's surface has for it. */
export function packAny<T>(surface: Surface, type: PackableType<T>, message: T): Any {
  const name = surface.readAs?.get(type.$type) ?? type.$type;
  return { typeUrl: PREFIX + nameOn(surface, name), value: encode(type, message) };
}

/** The response of operations that have nothing to return. */
export function packEmpty(): Any {
  return { typeUrl: `${PREFIX}google.protobuf.Empty`, value: Buffer.alloc(0) };
}
