import { isIP } from 'node:net';

/** The contents of the PEM files, not their paths. */
export interface EngineTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where an engine answers. */
export type EngineEndpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: EngineTls | null };

const TLS_PORT = 2376;
const PLAIN_PORT = 2375;

/**
 * Reads `unix:///path` or `tcp://host:port`. An engine without TLS hands out root on its host to whoever reaches it, so
 * plain tcp is accepted on loopback only.
 *
 * @throws {Error} with a message for the operator.
 */
export function parseEndpoint(text: string, tls: EngineTls | null): EngineEndpoint {
  const path = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: 'unix', path };
  const url = /^tcp:\/\/[^/?#@]+\/?$/.test(text) ? URL.parse(text.replace(/^tcp:/, 'http:')) : null;
  if (url === null) throw new Error(`the engine's endpoint ${text} is neither unix:///path nor tcp://host:port`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (tls === null && !isLoopback(host))
    throw new Error(`the engine at ${text} needs tls (ca, cert and key): plain tcp is accepted on loopback only`);
  // An URL of http drops port 80.
  const port = Number(/:(\d+)\/?$/.exec(text)?.[1] ?? (tls === null ? PLAIN_PORT : TLS_PORT));
  return { kind: 'tcp', host, port, tls };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
