import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What encoding needs of a generated message type. */
export interface EncodableType<T> {
  encode(message: T, writer: BinaryWriter): BinaryWriter;
}

export type Encode = <T>(type: EncodableType<T>, message: T) => Buffer;

/** Encodes into a buffer that it keeps: growing a new one for each message takes longer than filling it. Not for messages that may be very large. */
export function createEncoder(): Encode {
  let writer = new BinaryWriter();
  return (type, message) => {
    try {
      const bytes = type.encode(message, writer).finish();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch (error) {
      // It stands in the middle of a message.
      writer = new BinaryWriter();
      throw error;
    }
  };
}
