import { Metadata, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListRequest,
  type HealthListResponse,
  type HealthServer,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../gen/ts/health/v1/health.js';

export interface HealthOptions {
  /** Full names of what is served; the empty name stands for the whole server. */
  readonly services: readonly string[];
  readonly ready: () => boolean;
  /** Aborts when the server shuts down: it is not serving from then on, and watches end. */
  readonly draining: AbortSignal;
  /** How often a watch looks, milliseconds. */
  readonly watchIntervalMs?: number;
}

/** grpc.health.v1.Health. All services share one state, that of the process. */
export function health({ services, ready, draining, watchIntervalMs = 1000 }: HealthOptions): HealthServer {
  const known = new Set(['', ...services]);
  const now = () => (ready() && !draining.aborted ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);

  return {
    check(call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>, reply: sendUnaryData<HealthCheckResponse>) {
      const { service } = call.request;
      if (known.has(service)) reply(null, { status: now() });
      else reply({ code: status.NOT_FOUND, details: `service ${service} is not known here`, metadata: new Metadata() });
    },

    list(_call: ServerUnaryCall<HealthListRequest, HealthListResponse>, reply: sendUnaryData<HealthListResponse>) {
      const statuses = new Map([...known].map((service) => [service, { status: now() }]));
      reply(null, { statuses });
    },

    watch(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) {
      let sent: ServingStatus | null = null;
      const send = () => {
        const current = known.has(call.request.service) ? now() : ServingStatus.SERVICE_UNKNOWN;
        if (current !== sent) call.write({ status: current });
        sent = current;
      };
      const end = () => {
        send();
        call.end();
      };
      send();
      const timer = setInterval(send, watchIntervalMs);
      draining.addEventListener('abort', end, { once: true });
      const stop = () => {
        clearInterval(timer);
        draining.removeEventListener('abort', end);
      };
      call.once('cancelled', stop);
      call.once('close', stop);
    },
  };
}
