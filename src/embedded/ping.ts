import { connect } from 'node:net';

const TIMEOUT_MS = 1_000;

/** What a Redis at a unix socket says to PING: PONG, LOADING while it reads its data; null: nothing that makes sense. */
export function ping(socketPath: string): Promise<'PONG' | 'LOADING' | null> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const end = (answer: 'PONG' | 'LOADING' | null) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(null));
    socket.once('error', () => end(null));
    socket.once('close', () => end(null));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      const text = data.toString();
      end(text.startsWith('+PONG') ? 'PONG' : text.startsWith('-LOADING') ? 'LOADING' : null);
    });
  });
}
