import { connect } from 'node:net';

/* Moves bytes through one HTTP/1.1 connection and says how long it took: bulk.ts download|upload PORT HOST BYTES. */

const [direction, port, host, size] = process.argv.slice(2);
const bytes = Number(size);
const CHUNK = Buffer.alloc(64 * 1024, 'longshore ');
let head = '';
let received = -1;

/** Only the header is looked at; of the body the bytes are counted, and its beginning is kept. */
function onBytes(count: number, buffer: Uint8Array): boolean {
  if (received >= 0) received += count;
  else {
    head += Buffer.from(buffer.buffer, buffer.byteOffset, count).toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end >= 0) received = head.length - end - 4;
  }
  return true;
}

process.stdout.write('{}\n');
const startedAt = performance.now();
const socket = connect({
  port: Number(port),
  host: '127.0.0.1',
  onread: { buffer: Buffer.alloc(64 * 1024), callback: onBytes },
});
socket.on('error', (error) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
socket.on('close', () => {
  const seconds = (performance.now() - startedAt) / 1000;
  const whole = direction === 'download' ? received === bytes : head.endsWith(`\r\n\r\n${bytes}`);
  process.stdout.write(`${JSON.stringify({ seconds, whole: whole && head.startsWith('HTTP/1.1 200 ') })}\n`);
});

const fields = `Host: ${host}\r\nConnection: close\r\n`;
if (direction === 'download') socket.write(`GET /bytes?count=${bytes} HTTP/1.1\r\n${fields}\r\n`);
else {
  socket.write(`POST /count HTTP/1.1\r\n${fields}Content-Length: ${bytes}\r\n\r\n`);
  let left = bytes;
  const more = () => {
    while (left > 0) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on('drain', more);
  more();
}
