import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import type { EngineEndpoint } from './docker-endpoint.js';

interface AgentLimits {
  readonly maxSockets: number;
  /** For connecting, TLS handshake included. */
  readonly connectTimeoutMs: number;
}

/**
 * Connections to one engine, kept alive and bounded in number. Connecting has a time limit of its own: when it strikes, nothing
 * was sent, which a timeout of the whole call cannot tell.
 */
export function createAgent(endpoint: EngineEndpoint, limits: AgentLimits): HttpAgent {
  const options = { keepAlive: true, maxSockets: limits.maxSockets, maxFreeSockets: 4 };
  const secure = endpoint.kind === 'tcp' && endpoint.tls !== null;
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  // The modem spells out all options of every request for its debug log, even while that is off: with all sockets and buffers
  // in here that held up the process for a second at a time.
  Object.defineProperty(agent, inspect.custom, { value: () => 'Agent' });
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (connection, callback) => {
    const socket = connect(connection, callback);
    if (socket) limitConnecting(socket, secure ? 'secureConnect' : 'connect', limits.connectTimeoutMs);
    return socket;
  };
  return agent;
}

function limitConnecting(socket: Duplex, connected: string, timeoutMs: number): void {
  const timer = setTimeout(() => {
    const message = `no connection within ${timeoutMs} ms`;
    socket.destroy(Object.assign(new Error(message), { code: 'ETIMEDOUT', syscall: 'connect' }));
  }, timeoutMs);
  socket.once(connected, () => clearTimeout(timer));
  socket.once('close', () => clearTimeout(timer));
}
