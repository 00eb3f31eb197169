import { readFileSync } from 'node:fs';
import type { RunningService } from './service.js';

/** The states of a host, oldest first, as the log tells them. */
export function statesOf({ logFile }: RunningService, host: string): readonly string[] {
  const lines = readFileSync(logFile, 'utf8').split('\n').filter(Boolean);
  const entries = lines.map((line) => JSON.parse(line) as { msg: string; host?: string; state?: string });
  return entries.flatMap((entry) =>
    entry.msg === 'host state changed' && entry.host === host ? [String(entry.state)] : [],
  );
}
