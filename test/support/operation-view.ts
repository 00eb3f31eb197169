import type { ServiceError } from '@grpc/grpc-js';
import { ErrorInfo, PreconditionFailure } from '../../gen/ts/google/rpc/error_details.js';
import { Status } from '../../gen/ts/google/rpc/status.js';
import {
  DeleteContainerMetadata,
  DeployContainerRevisionMetadata,
  RollbackContainerMetadata,
  StartContainerMetadata,
  StopContainerMetadata,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import type { Progress } from '../../gen/ts/longshore/containers/v1/progress.js';
import type { Operation } from '../../gen/ts/longshore/operation/v1/operation.js';

/** A google.rpc.Status with its details unpacked, as a client that knows the standard messages reads it. */
export interface SeenFailure {
  readonly code: number;
  readonly message: string;
  /** ErrorInfo's. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Subject to description. */
  readonly preconditions: Readonly<Record<string, string>>;
}

/** Why the operation failed; throws if it did not. */
export function failureOf({ id, description, result }: Operation): SeenFailure {
  if (result?.$case !== 'error') throw new Error(`${description} ${id} did not fail`);
  return unpacked(result.value);
}

/** What a call was refused with; throws if it was not. */
export async function refusalOf(call: Promise<unknown>): Promise<SeenFailure> {
  const error = await call.then(
    () => null,
    (reason: ServiceError) => reason,
  );
  const [bytes] = error?.metadata?.get('grpc-status-details-bin') ?? [];
  if (!Buffer.isBuffer(bytes)) throw error ?? new Error('the call was not refused');
  return unpacked(Status.decode(bytes));
}

/** How far an operation that touches hosts has come. */
export function progressOf({ metadata }: Operation): Progress {
  const types = [
    DeployContainerRevisionMetadata,
    RollbackContainerMetadata,
    StopContainerMetadata,
    StartContainerMetadata,
    DeleteContainerMetadata,
  ];
  const type = types.find(({ $type }) => metadata?.typeUrl.endsWith(`/${$type}`));
  const progress = metadata && type?.decode(metadata.value).progress;
  if (!progress) throw new Error(`no progress in ${metadata?.typeUrl}`);
  return progress;
}

function unpacked({ code, message, details }: Status): SeenFailure {
  const detail = (type: string) => details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/${type}`)?.value;
  const info = ErrorInfo.decode(detail(ErrorInfo.$type) ?? new Uint8Array());
  const { violations } = PreconditionFailure.decode(detail(PreconditionFailure.$type) ?? new Uint8Array());
  const preconditions = Object.fromEntries(violations.map(({ subject, description }) => [subject, description]));
  return { code, message, reason: info.reason, metadata: Object.fromEntries(info.metadata), preconditions };
}
