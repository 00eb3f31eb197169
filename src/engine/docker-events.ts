import { type CallContext, engineError, toEngineError } from './docker-errors.js';
import { member, textOf } from './docker-json.js';
import { LABEL } from './docker-labels.js';
import { jsonLines } from './docker-lines.js';
import type { EngineScope } from './docker-scope.js';
import type { EngineEvent } from './driver.js';

/** Execs are left out: each health probe of Docker's makes three, with the command in the action. */
const ACTIONS = [
  'create',
  'start',
  'die',
  'oom',
  'kill',
  'stop',
  'pause',
  'unpause',
  'rename',
  'destroy',
  'health_status',
];

/** What happens to containers of this control plane once it is `listening`, until the signal; an engine that ends the stream is an EngineError. */
export async function* containerEvents(
  scope: EngineScope,
  signal: AbortSignal,
  listening: () => void = () => undefined,
): AsyncGenerator<EngineEvent, void, undefined> {
  const context: CallContext = { host: scope.host, what: 'events', mutates: false };
  if (signal.aborted) return;
  try {
    const body = await scope.client.stream({
      method: 'GET',
      path: '/events',
      query: { filters: eventFilters(scope.controlPlaneId) },
      what: context.what,
      mutates: false,
      timeoutMs: scope.timeouts.read,
      signal,
    });
    listening();
    for await (const line of jsonLines(body)) {
      const event = eventOf(line);
      if (event !== null) yield event;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw toEngineError(error, context);
  }
  if (!signal.aborted) throw engineError('UNREACHABLE', context, 'the engine ended the stream');
}

function eventFilters(controlPlaneId: string): string {
  return JSON.stringify({ type: ['container'], event: ACTIONS, label: [`${LABEL.controlPlane}=${controlPlaneId}`] });
}

function eventOf(line: unknown): EngineEvent | null {
  const attribute = (name: string) => textOf(member(line, 'Actor', 'Attributes', name));
  // `health_status: healthy`
  const action = textOf(member(line, 'Action')).replace(/:.*$/, '');
  const containerId = attribute(LABEL.container);
  return action === '' || containerId === '' ? null : { containerId, instanceId: attribute(LABEL.instance), action };
}
