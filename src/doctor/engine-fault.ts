import { member, textOf } from '../engine/docker-json.js';
import { EngineError } from '../engine/driver.js';
import type { HostConfig } from '../fleet/host-config.js';

/** What to do about an engine that could not be looked at. Fields are those of the host's entry in the hosts file. */
export function mendOfEngine(host: HostConfig, error: unknown): string {
  if (host.endpoint.startsWith('unix:'))
    return 'start it (systemctl start docker), or let this user use it (usermod -aG docker USER)';
  return (
    mendOfTls(host, error) ??
    `see that the engine runs, listens with TLS and is not behind a firewall: ${host.endpoint}`
  );
}

/** Null where it is no fault of TLS that can be told from others. */
function mendOfTls(host: HostConfig, error: unknown): string | null {
  if (!(error instanceof EngineError)) return null;
  const code = textOf(member(error.cause, 'code'));
  // What OpenSSL says of a handshake is in the code or, while Node was writing, in the text only.
  const said = code === 'EPROTO' ? error.message : code;
  if (host.tls === null)
    return /HTTP request to an HTTPS server/i.test(error.message)
      ? 'that engine wants TLS: give its entry in the hosts file tls (ca, cert and key)'
      : null;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return "renew the engine's own certificate (tlscert in its daemon.json), or set the clocks right; no file that the hosts file names is wrong";
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `write into endpoint of its entry in the hosts file a name or address that the engine's certificate holds, or make it one that holds ${hostOf(host)} (subjectAltName)`;
  if (/^(UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|CERT_|INVALID_CA)/.test(code))
    return "look at tls.ca of its entry in the hosts file: it is not the authority that signed the engine's certificate (tlscert in its daemon.json)";
  if (/ssl.*alert/i.test(said))
    return 'look at tls.cert and tls.key of its entry in the hosts file: the engine takes certificates for clients (clientAuth) that its own authority signed (tlscacert in its daemon.json), and not this one';
  if (/ssl.*(wrong.version|packet.length|http.request)/i.test(said))
    return 'what answers there speaks no TLS: see that endpoint names the right port, and that the engine runs with tlsverify';
  return null;
}

const hostOf = ({ endpoint }: HostConfig): string => new URL(endpoint).hostname;
