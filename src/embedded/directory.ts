import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory for this user alone, and those above it that are missing. Not by mkdir's own `recursive`: that never ends where the
 * kernel takes no directories and says that there is no such path, as in /proc.
 */
export async function makeDirectory(path: string): Promise<void> {
  const code = await tryMkdir(path);
  if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
  if (code === 'EEXIST') throw new Error(`${path} is not a directory`);
  if (code === null) return;
  await makeDirectory(dirname(path));
  const again = await tryMkdir(path);
  if (again === 'ENOENT') throw new Error(`no directory can be made in ${dirname(path)}`);
}

/** Null where it was made. EEXIST and ENOENT are answers; what else goes wrong is thrown. */
async function tryMkdir(path: string): Promise<'EEXIST' | 'ENOENT' | null> {
  try {
    await mkdir(path, { mode: 0o700 });
    return null;
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' || code === 'ENOENT') return code;
    throw error;
  }
}
