import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Any } from '../../gen/ts/google/protobuf/any.js';
import { nameOn, type Surface } from './surfaces.js';

/** What packing needs of a generated message type. */
export interface PackableType<T> {
  readonly $type: string;
  encode(message: T): BinaryWriter;
}

/** Clients compare the whole URL, strictly. */
const PREFIX = 'type.googleapis.com/';

/** Packs a message under the name that the caller's surface has for it. */
export function packAny<T>(surface: Surface, type: PackableType<T>, message: T): Any {
  return { typeUrl: PREFIX + nameOn(surface, type.$type), value: Buffer.from(type.encode(message).finish()) };
}

/** The response of operations that have nothing to return. */
export function packEmpty(): Any {
  return { typeUrl: `${PREFIX}google.protobuf.Empty`, value: Buffer.alloc(0) };
}
