import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { ServerReflectionRequest, ServerReflectionResponse } from '../../gen/ts/grpc/reflection/v1/reflection.js';
import type { Descriptors } from './descriptors.js';

type ReflectionStream = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;
type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

export interface ReflectionOptions {
  readonly descriptors: Descriptors;
  /** Full names of what is served. */
  readonly services: readonly string[];
  /** Aborts when the server shuts down: the streams end then. */
  readonly draining: AbortSignal;
}

/** Handler of ServerReflectionInfo, for v1 and v1alpha alike: the messages are the same bytes. */
export function reflection(options: ReflectionOptions): (stream: ReflectionStream) => void {
  return (stream) => {
    const end = () => stream.end();
    options.draining.addEventListener('abort', end, { once: true });
    stream.once('close', () => options.draining.removeEventListener('abort', end));
    stream.on('data', (originalRequest: ServerReflectionRequest) => {
      const messageResponse = answer(originalRequest, options);
      stream.write({ validHost: originalRequest.host, originalRequest, messageResponse });
    });
    stream.on('end', end);
  };
}

function answer({ messageRequest }: ServerReflectionRequest, { descriptors, services }: ReflectionOptions): Answer {
  switch (messageRequest?.$case) {
    case 'fileByFilename':
      return files(descriptors.file(messageRequest.value), messageRequest.value);
    case 'fileContainingSymbol':
      return files(descriptors.fileOf(messageRequest.value), messageRequest.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = messageRequest.value;
      const found = descriptors.fileOfExtension(containingType, extensionNumber);
      return files(found, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const baseTypeName = messageRequest.value;
      const extensionNumber = descriptors.extensionNumbers(baseTypeName);
      if (extensionNumber === null) return unknown(baseTypeName);
      return { $case: 'allExtensionNumbersResponse', value: { baseTypeName, extensionNumber } };
    }
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
    case undefined:
      return failure(status.INVALID_ARGUMENT, 'the request asks for nothing');
  }
}

function files(found: Uint8Array[] | null, what: string): Answer {
  if (found === null) return unknown(what);
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: found.map((bytes) => Buffer.from(bytes)) } };
}

function unknown(what: string): Answer {
  return failure(status.NOT_FOUND, `${what} is not known here`);
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
