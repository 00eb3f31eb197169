import type { Resolve } from './loopback.js';
import { refuseOverlaps } from './overlap.js';
import { type Findings, readCertificates, readKey } from './pem-files.js';
import type { HostPort } from './values.js';
import type { VariableName, Variables } from './variables.js';

/** An address to listen on, resolved once: what was judged to be loopback is what is bound. Port 0 takes any free one. */
export interface Listen {
  readonly address: string;
  readonly port: number;
}

/** PEM texts. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate of these authorities; null: they show none. */
  readonly clientCa: string | null;
}

/** How callers reach the ingress where a proxy stands in front of it. */
export interface PublicUrl {
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

export interface Listeners {
  readonly grpc: Listen;
  readonly http: Listen;
  readonly ingress: Listen;
}

/** Null, with faults, where one has none. A variable that is `wrong` is not judged, nor any without the roles that open them. */
export async function readListeners(
  values: Variables,
  wrong: ReadonlySet<string>,
  resolve: Resolve,
  findings: Findings,
): Promise<Listeners | null> {
  if (wrong.has('LONGSHORE_ROLES')) return null;
  const [grpc, http, ingress] = await Promise.all([
    listenGrpc(values, resolve, findings),
    listenPlain('LONGSHORE_HTTP_ADDR', values, resolve, findings),
    listenPlain('LONGSHORE_INGRESS_ADDR', values, resolve, findings),
  ]);
  const roles = values.LONGSHORE_ROLES;
  const opened = [
    ...(grpc && roles.has('api') ? [{ ...grpc, name: 'LONGSHORE_GRPC_ADDR' } as const] : []),
    ...(http ? [{ ...http, name: 'LONGSHORE_HTTP_ADDR' } as const] : []),
    ...(ingress && roles.has('ingress') ? [{ ...ingress, name: 'LONGSHORE_INGRESS_ADDR' } as const] : []),
  ];
  refuseOverlaps(
    opened.filter(({ name }) => !wrong.has(name)),
    findings,
  );
  return grpc && http && ingress && { grpc, http, ingress };
}

/** Plaintext is for loopback; beyond it callers must prove who they are. */
async function listenGrpc(values: Variables, resolve: Resolve, findings: Findings): Promise<Listen | null> {
  const found = await resolveListen('LONGSHORE_GRPC_ADDR', values.LONGSHORE_GRPC_ADDR, resolve, findings);
  if (!found || found.loopback || !values.LONGSHORE_ROLES.has('api')) return listenOf(found);
  const needed: readonly VariableName[] = ['LONGSHORE_TLS_CERT', 'LONGSHORE_TLS_KEY', 'LONGSHORE_TLS_CLIENT_CA'];
  const missing = needed.filter((name) => !values[name]);
  if (missing.length > 0)
    findings.fault(
      'LONGSHORE_GRPC_ADDR',
      `${found.address} is reached from other machines, which needs TLS with client certificates; set ${missing.join(', ')}, or listen on 127.0.0.1`,
    );
  return listenOf(found);
}

/** A listener that has no TLS yet, so that it must not be reached from other machines. */
async function listenPlain(
  name: 'LONGSHORE_HTTP_ADDR' | 'LONGSHORE_INGRESS_ADDR',
  values: Variables,
  resolve: Resolve,
  findings: Findings,
): Promise<Listen | null> {
  const found = await resolveListen(name, values[name], resolve, findings);
  const used = name === 'LONGSHORE_HTTP_ADDR' || values.LONGSHORE_ROLES.has('ingress');
  if (found && !found.loopback && used)
    findings.fault(
      name,
      `${found.address} is reached from other machines, and this listener has no TLS yet; listen on 127.0.0.1, behind a proxy with TLS`,
    );
  return listenOf(found);
}

const listenOf = (found: Listen | null): Listen | null => found && { address: found.address, port: found.port };

async function resolveListen(name: VariableName, { host, port }: HostPort, resolve: Resolve, findings: Findings) {
  try {
    const { address, loopback } = await resolve(host);
    return { address, port, loopback };
  } catch {
    findings.fault(name, `${host} does not resolve to an address; write an IP address`);
    return null;
  }
}

/** Null: plaintext, or faults. */
export async function serverTls(values: Variables, now: number, findings: Findings): Promise<ServerTls | null> {
  const { LONGSHORE_TLS_CERT, LONGSHORE_TLS_KEY, LONGSHORE_TLS_CLIENT_CA } = values;
  if (!LONGSHORE_TLS_CERT || !LONGSHORE_TLS_KEY) {
    if (LONGSHORE_TLS_CERT) findings.fault('LONGSHORE_TLS_KEY', 'must be set together with LONGSHORE_TLS_CERT');
    if (LONGSHORE_TLS_KEY) findings.fault('LONGSHORE_TLS_CERT', 'must be set together with LONGSHORE_TLS_KEY');
    if (LONGSHORE_TLS_CLIENT_CA && !LONGSHORE_TLS_CERT && !LONGSHORE_TLS_KEY)
      findings.fault('LONGSHORE_TLS_CLIENT_CA', 'needs LONGSHORE_TLS_CERT and LONGSHORE_TLS_KEY');
    return null;
  }
  const file = (where: VariableName, path: string) => ({ where, path });
  const cert = await readCertificates(file('LONGSHORE_TLS_CERT', LONGSHORE_TLS_CERT), now, findings);
  const key = await readKey(file('LONGSHORE_TLS_KEY', LONGSHORE_TLS_KEY), cert, findings);
  const clientCa = LONGSHORE_TLS_CLIENT_CA
    ? await readCertificates(file('LONGSHORE_TLS_CLIENT_CA', LONGSHORE_TLS_CLIENT_CA), now, findings)
    : null;
  return cert !== null && key !== null ? { cert, key, clientCa } : null;
}

/** Null: as the listener is bound. */
export function ingressUrl(values: Variables, findings: Findings): PublicUrl | null {
  const url = values.LONGSHORE_INGRESS_URL;
  if (!url) return null;
  if (url.hostname !== values.LONGSHORE_INGRESS_DOMAIN)
    findings.fault(
      'LONGSHORE_INGRESS_URL',
      `names ${url.hostname}, but LONGSHORE_INGRESS_DOMAIN is ${values.LONGSHORE_INGRESS_DOMAIN}; they must be the same`,
    );
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  return { scheme, port: url.port ? Number(url.port) : scheme === 'https' ? 443 : 80 };
}
