import type { Gpu } from '../domain/host.js';

/** Arguments of nvidia-smi whose output `parseGpus` reads: fields that every driver of the last ten years knows. */
export const GPU_QUERY = ['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits'] as const;

const MIB = 2 ** 20;

/**
 * Reads what nvidia-smi answers to GPU_QUERY, in index order. Memory that the driver does not tell (`[N/A]`,
 * `[Not Supported]`) is 0. Lines that are no GPU are left out: drivers mix warnings in.
 */
export function parseGpus(csv: string): readonly Gpu[] {
  const rows = csv.split('\n').flatMap((line) => {
    const [index = '', uuid = '', ...rest] = line.split(',').map((field) => field.trim());
    const memory = rest.pop() ?? '';
    if (!/^\d+$/.test(index) || !/^GPU-[0-9a-fA-F-]+$/.test(uuid)) return [];
    // A name might hold a comma, a number does not.
    return [{ index: Number(index), gpu: { uuid, name: rest.join(', '), memory: mebibytes(memory) } }];
  });
  return rows.toSorted((left, right) => left.index - right.index).map(({ gpu }) => gpu);
}

function mebibytes(text: string): number {
  const digits = /^(\d+)( MiB)?$/.exec(text)?.[1];
  return digits === undefined ? 0 : Number(digits) * MIB;
}
