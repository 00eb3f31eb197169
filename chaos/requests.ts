import type { Random } from './random.js';

/** What revisions do: answer with their name; answer, and stay when they are asked to go; cannot be fetched; end at once; never answer. */
export type Behaviour = 'ANSWERS' | 'STUBBORN' | 'MISSING' | 'EXITS' | 'SILENT';

export interface SlotKind {
  readonly gpus: number;
  readonly order: 'START_FIRST' | 'STOP_FIRST' | 'AUTO';
  /** How often revisions do what, compared with each other. */
  readonly behaviours: Readonly<Record<Behaviour, number>>;
}

const SOME_OF_ALL = { ANSWERS: 10, STUBBORN: 1, MISSING: 1, EXITS: 2, SILENT: 1 };
const GOOD = { ANSWERS: 1, STUBBORN: 0, MISSING: 0, EXITS: 0, SILENT: 0 };
const BAD = { ANSWERS: 1, STUBBORN: 0, MISSING: 0, EXITS: 4, SILENT: 0 };

/** One caller each. */
export const SLOTS = {
  /** Some of everything. Together they want more GPUs than three hosts have, so that what is freed is taken by another one soon. */
  mixed: [
    { gpus: 0, order: 'START_FIRST', behaviours: SOME_OF_ALL },
    { gpus: 0, order: 'START_FIRST', behaviours: SOME_OF_ALL },
    { gpus: 1, order: 'START_FIRST', behaviours: SOME_OF_ALL },
    { gpus: 1, order: 'START_FIRST', behaviours: SOME_OF_ALL },
    { gpus: 1, order: 'STOP_FIRST', behaviours: SOME_OF_ALL },
    { gpus: 2, order: 'AUTO', behaviours: SOME_OF_ALL },
    { gpus: 2, order: 'AUTO', behaviours: SOME_OF_ALL },
  ],
  /** Whoever deploys wants the GPU that another one is about to give up. */
  scarce: Array.from({ length: 5 }, () => ({ gpus: 1, order: 'START_FIRST', behaviours: SOME_OF_ALL })),
  /** Nothing waits for anything, and nothing fails, so that much is under way and soon something else is. */
  quick: Array.from({ length: 6 }, () => ({ gpus: 0, order: 'START_FIRST', behaviours: GOOD })),
  /** Most of what is started is not wanted any more a moment later. */
  failing: Array.from({ length: 6 }, () => ({ gpus: 0, order: 'START_FIRST', behaviours: BAD })),
} as const satisfies Record<string, readonly SlotKind[]>;

export type SlotsName = keyof typeof SLOTS;

export function isSlots(name: string): name is SlotsName {
  return Object.hasOwn(SLOTS, name);
}

export const CAN_SUCCEED: Readonly<Record<Behaviour, boolean>> = {
  ANSWERS: true,
  STUBBORN: true,
  MISSING: false,
  EXITS: false,
  SILENT: false,
};

const ANSWER = [
  'mkdir -p /www/cgi-bin',
  'echo "$REVISION" >/www/index.html',
  // Bytes as they have to be on the wire: busybox passes on what the program says.
  `printf '#!/bin/sh\\nprintf "Content-Type: text/plain\\\\r\\\\n\\\\r\\\\n"; sleep 2; echo "$REVISION"\\n' >/www/cgi-bin/slow`,
  'chmod 755 /www/cgi-bin/slow; ',
].join('; ');
const SCRIPT: Readonly<Record<Behaviour, string>> = {
  ANSWERS: `${ANSWER} exec httpd -f -p "$PORT" -h /www`,
  STUBBORN: `trap '' TERM; ${ANSWER} httpd -p "$PORT" -h /www; while :; do sleep 1; done`,
  MISSING: 'exit 1',
  EXITS: 'echo "it cannot run"; exit 3',
  SILENT: 'exec sleep 3600',
};

const LOCAL_IMAGE = 'longshore/busybox:latest';

export function deployRequest(
  containerId: string,
  { gpus, order }: SlotKind,
  revision: { readonly name: string; readonly behaviour: Behaviour; readonly pulled: string | null },
): object {
  const { name, behaviour, pulled } = revision;
  const image = pulled ?? LOCAL_IMAGE;
  return {
    container_id: containerId,
    image_spec: {
      image_url: behaviour === 'MISSING' ? `${image.split(':').slice(0, -1).join(':')}-missing:latest` : image,
      command: { command: ['/bin/sh', '-c', SCRIPT[behaviour]] },
      environment: { REVISION: name },
    },
    ...(gpus > 0 && { gpus: { count: gpus } }),
    ...(order !== 'AUTO' && { rollout_order: `ROLLOUT_ORDER_${order}` }),
    ...(behaviour === 'SILENT' && { health_check: { http: { path: '/' }, deadline: { seconds: 3 } } }),
  };
}

export function someBehaviour({ behaviours }: SlotKind, random: Random): Behaviour {
  return random.weighted(behaviours);
}
