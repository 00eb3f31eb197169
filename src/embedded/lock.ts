import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** A data directory that only this process uses, until it releases it or dies. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Rejects, naming the holder, where another process holds the directory.
 *
 * The lock is the kernel's (flock on an open file), so it ends with its holder however that dies, and no file that is left
 * behind can be mistaken for it. Node has no call for it; flock(1) takes it on the open file that it inherits from us, and it
 * stays ours when flock has ended.
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  const file = await open(join(dir, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    if (!(await flock(file.fd))) throw new Error(await inUse(file, dir));
    await file.truncate(0);
    await file.write(`${process.pid}\n`, 0);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { release: () => file.close() };
}

/** False where it is taken. */
function flock(fd: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.once('error', () => reject(new Error('flock is not installed; on Debian: apt-get install util-linux')));
    child.once('exit', (code) =>
      code === 0 || code === 1 ? resolve(code === 0) : reject(new Error(`flock ended with ${code}`)),
    );
  });
}

async function inUse(file: FileHandle, dir: string): Promise<string> {
  const pid = (await file.readFile('utf8')).trim();
  const holder = pid ? `process ${pid}` : 'another process';
  return `${dir} is used by ${holder}; stop that one, or set LONGSHORE_DATA_DIR to another directory`;
}
