import { setTimeout as delay } from 'node:timers/promises';
import type { DynamicClient, Json } from './client.js';
import type { Report } from './report.js';

export const CONTAINERS = 'longshore.containers.v1.ContainerService';
export const OPERATIONS = 'longshore.operation.v1.OperationService';

/** Every operation of the demo takes seconds; one that takes this long will not end. */
const PATIENCE_MS = 60_000;

/** A field of an answer, as text; empty where there is none. */
export function text(message: unknown, ...path: readonly string[]): string {
  const found = path.reduce<unknown>((node, field) => Reflect.get(Object(node), field), message);
  return typeof found === 'string' ? found : '';
}

/** The calls of the demo: each is printed so that it can be repeated, and followed to its end. */
export class Caller {
  constructor(
    private readonly client: DynamicClient,
    private readonly report: Report,
  ) {}

  async ask(service: string, method: string, request: Json): Promise<Json> {
    this.report.grpcurl(this.client.addr, service, method, request);
    return this.client.call(service, method, request);
  }

  /** Submits, then shows each step that the operation reports, until it is done. Returns it as it ended; throws when it does not. */
  async operate(method: string, request: Json): Promise<Json> {
    const began = performance.now();
    let operation = await this.ask(CONTAINERS, method, request);
    let shown = '';
    const id = text(operation, 'id');
    this.report.line(`   operation ${id}: ${text(operation, 'description')}`);
    while (performance.now() - began < PATIENCE_MS) {
      const step = progress(operation);
      if (step !== shown && step !== '') this.report.line(`   ${elapsed(began)}  ${step}`);
      shown = step;
      if (operation.done === true) return this.ended(operation);
      await delay(20);
      operation = await this.client.call(OPERATIONS, 'Get', { operation_id: id });
    }
    throw new Error(`operation ${id} has not ended within ${PATIENCE_MS / 1000} s`);
  }

  private ended(operation: Json): Json {
    const description = text(operation, 'description');
    this.report.check(`${description} succeeded`, operation.error === undefined, text(operation, 'error', 'message'));
    return operation;
  }
}

const elapsed = (began: number): string => `${Math.round(performance.now() - began)} ms`.padStart(8);

function progress(operation: Json): string {
  const step = text(operation, 'metadata', 'progress', 'step');
  const percent = Reflect.get(Object(Reflect.get(Object(operation.metadata), 'progress')), 'percent') ?? 0;
  const order = text(operation, 'metadata', 'progress', 'rollout_order');
  return step === '' ? '' : `${step} ${String(percent)} %${order === '' ? '' : ` (${order})`}`;
}
