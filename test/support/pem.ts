import { join } from 'node:path';
import { command } from './command.js';

/** Paths of PEM files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed authority in `dir`, made by openssl. */
export async function makeCa(dir: string, name = 'ca'): Promise<Pair> {
  const pair = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', pair.key, '-out', pair.cert];
  await command('openssl', ['req', '-x509', ...curve, ...files, '-days', '3650', '-subj', `/CN=${name}`]);
  return pair;
}

/** A certificate for 127.0.0.1 and localhost, signed by `ca`. */
export async function makeCertificate(dir: string, ca: Pair, name: string, days = 365): Promise<Pair> {
  const pair = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const request = await command('openssl', [
    'req',
    ...curve,
    '-keyout',
    pair.key,
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
  ]);
  const by = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial', '-copy_extensions', 'copy'];
  await command('openssl', ['x509', '-req', ...by, '-days', String(days), '-out', pair.cert], {
    input: `${request}\n`,
  });
  return pair;
}
