import { toEngineError } from './docker-errors.js';
import type { EngineScope } from './docker-scope.js';

/** The last output of a container; see EngineDriver.logs. A container that writes faster than we read ends at the timeout. */
export async function readLogs(
  scope: EngineScope,
  name: string,
  limit: { readonly lines: number; readonly bytes: number },
  signal?: AbortSignal,
): Promise<string> {
  const what = `logs ${name}`;
  const timeoutMs = scope.timeouts.read;
  const body = await scope.client.stream({
    method: 'GET',
    path: `/containers/${encodeURIComponent(name)}/logs`,
    query: { stdout: 'true', stderr: 'true', tail: String(limit.lines) },
    what,
    mutates: false,
    timeoutMs,
    signal,
  });
  const tail = logTail(limit.bytes);
  const timer = setTimeout(() => body.destroy(new Error(`no end within ${timeoutMs} ms`)), timeoutMs);
  try {
    await drain(body, tail);
    return tail.text(limit.lines);
  } catch (error) {
    throw toEngineError(error, { host: scope.host, what, mutates: false });
  } finally {
    clearTimeout(timer);
  }
}

async function drain(body: AsyncIterable<Uint8Array>, tail: LogTail): Promise<void> {
  for await (const chunk of body) tail.write(chunk);
}

/** Reads Docker's multiplexed stream (8 bytes of header: stream, 0, 0, 0, length) and keeps the last bytes of what it carries. */
export interface LogTail {
  write(chunk: Uint8Array): void;
  /** The last `lines` lines, with control characters replaced and a beginning that was cut to a whole line where there is one. */
  text(lines: number): string;
}

const HEADER_LENGTH = 8;

export function logTail(maxBytes: number): LogTail {
  let header = Buffer.alloc(0);
  let left = 0;
  let kept = Buffer.alloc(0);
  let cut = false;

  const keep = (payload: Buffer) => {
    const all = Buffer.concat([kept, payload]);
    if (all.length > maxBytes) cut = true;
    kept = all.subarray(Math.max(0, all.length - maxBytes));
  };

  return {
    write(chunk) {
      let rest = Buffer.from(chunk);
      while (rest.length > 0) {
        if (left === 0) {
          const taken = rest.subarray(0, HEADER_LENGTH - header.length);
          header = Buffer.concat([header, taken]);
          rest = rest.subarray(taken.length);
          if (header.length < HEADER_LENGTH) return;
          left = header.readUInt32BE(4);
          header = Buffer.alloc(0);
        } else {
          const payload = rest.subarray(0, left);
          keep(payload);
          left -= payload.length;
          rest = rest.subarray(payload.length);
        }
      }
    },
    text: (lines) => tailOf(kept, cut, lines),
  };
}

function tailOf(bytes: Buffer, cut: boolean, lines: number): string {
  let start = 0;
  // Continuation bytes of a character whose beginning was cut off.
  while (cut && start < bytes.length && (bytes.readUInt8(start) & 0xc0) === 0x80) start += 1;
  const text = readable(bytes.toString('utf8', start)).replace(/\n$/, '');
  return lines <= 0 ? '' : text.split('\n').slice(-lines).join('\n');
}

/** A terminal that shows this must not be steered by it: only line ends and tabs stay. */
function readable(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/[^\P{Cc}\n\t]/gu, '\uFFFD');
}
