import { checkNoNul, checkText, entryOf, type Found } from './checks.js';
import type { GpuRequirements } from './revision.js';

type Environment = Readonly<Record<string, string>>;

/** Keys that ask for GPUs, for clients that cannot name our own fields. They come back as given and are kept out of the container. */
export const GPU_COUNT_KEY = 'LONGSHORE_GPU_COUNT';
export const GPU_MODEL_KEY = 'LONGSHORE_GPU_MODEL';
export const GPU_MIN_MEMORY_KEY = 'LONGSHORE_GPU_MIN_MEMORY_MIB';

const GPU_KEYS: readonly string[] = [GPU_COUNT_KEY, GPU_MODEL_KEY, GPU_MIN_MEMORY_KEY];

/** What Longshore itself sets. A caller's NVIDIA_VISIBLE_DEVICES would reach GPUs of others where the engine's default runtime heeds it. */
const OURS: readonly string[] = ['PORT', 'NVIDIA_VISIBLE_DEVICES'];

const MAX_ENTRIES = 1_000;
const MAX_TOTAL = 131_072;
export const MAX_GPUS = 1_024;
const MIB = 1_048_576;

export function checkEnvironment(found: Found, field: string, environment: Environment): void {
  const entries = Object.entries(environment);
  const total = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (entries.length > MAX_ENTRIES || total > MAX_TOTAL) {
    found.push({
      field,
      description: `must have at most ${MAX_ENTRIES} entries and ${MAX_TOTAL} characters in all, not ${entries.length} and ${total}`,
    });
    return;
  }
  for (const [key, value] of entries) checkVariable(found, entryOf(field, key), key, value);
}

function checkVariable(found: Found, field: string, key: string, value: string): void {
  if (OURS.includes(key)) found.push({ field, description: 'is set by Longshore and cannot be overridden' });
  else if (key.startsWith('LONGSHORE_') && !GPU_KEYS.includes(key))
    found.push({ field, description: `keys with LONGSHORE_ are reserved; known are ${GPU_KEYS.join(', ')}` });
  checkText(found, field, key, {
    max: 256,
    pattern: /^[a-zA-Z][a-zA-Z0-9_]*$/,
    form: 'a key must consist of letters, digits and "_", and start with a letter',
  });
  checkText(found, field, value, { max: 4096 });
  checkNoNul(found, field, value);
}

/** The GPUs that reserved keys ask for; null where they ask for none. Violations are filed under the key. */
export function gpusFromEnvironment(found: Found, field: string, environment: Environment): GpuRequirements | null {
  const count = readCount(found, field, environment, GPU_COUNT_KEY, MAX_GPUS);
  const memory = readCount(found, field, environment, GPU_MIN_MEMORY_KEY, 100_000_000);
  const model = environment[GPU_MODEL_KEY] ?? '';
  checkText(found, entryOf(field, GPU_MODEL_KEY), model, { max: 128 });
  if (count === null) {
    const stray = [GPU_MODEL_KEY, GPU_MIN_MEMORY_KEY].find((key) => environment[key] !== undefined);
    if (stray !== undefined) found.push({ field: entryOf(field, stray), description: `needs ${GPU_COUNT_KEY}` });
    return null;
  }
  return count === 0 ? null : { count, model, minMemory: (memory ?? 0) * MIB };
}

function readCount(found: Found, field: string, environment: Environment, key: string, max: number): number | null {
  const text = environment[key];
  if (text === undefined) return null;
  if (/^[0-9]{1,9}$/.test(text) && Number(text) <= max) return Number(text);
  found.push({ field: entryOf(field, key), description: `must be a whole number from 0 to ${max}` });
  return 0;
}
