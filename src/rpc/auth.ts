import { DomainError } from '../domain/errors.js';
import type { WireCall } from './call-context.js';

/** Who a call is from. Throws UNAUTHENTICATED where that has to be proven and is not. */
export type Authenticate = (call: WireCall) => string;

/** For listeners that ask for no certificate: everybody is the same subject. */
export const anonymous: Authenticate = () => 'anonymous';

/**
 * For listeners with a client CA. TLS has checked the certificate by then; its subject is the common name, or where there is
 * none the first alternative name, as OpenSSL writes it (`URI:spiffe://fleet/api`).
 */
export const byClientCertificate: Authenticate = (call) => {
  const certificate = call.getAuthContext().sslPeerCertificate;
  const name = certificate?.subject.CN ?? certificate?.subjectaltname?.split(', ')[0];
  const subject = Array.isArray(name) ? name[0] : name;
  if (subject) return subject;
  const message = 'the client certificate is missing, or it has neither a common name nor an alternative name';
  throw new DomainError({ code: 'UNAUTHENTICATED', reason: 'CLIENT_CERTIFICATE_NAMELESS', message });
};
