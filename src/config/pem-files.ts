import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

/** Collects what is wrong with a configuration. `where` is a variable, or a file and the path of a field in it. */
export interface Findings {
  fault(where: string, message: string): void;
  warn(where: string, message: string): void;
}

/** A file to read and the name under which its faults are reported. */
export interface NamedFile {
  readonly where: string;
  readonly path: string;
}

const WARN_BEFORE_MS = 30 * 86_400_000;

/** Text of the file; null, with a fault, where it cannot be read. */
export async function readText(file: NamedFile, findings: Findings): Promise<string | null> {
  try {
    return await readFile(file.path, 'utf8');
  } catch (error) {
    findings.fault(file.where, `cannot read ${file.path}: ${reasonOf(error)}`);
    return null;
  }
}

/** Certificates in PEM, each within its time; null, with a fault, otherwise. */
export async function readCertificates(file: NamedFile, now: number, findings: Findings): Promise<string | null> {
  const pem = await readText(file, findings);
  if (pem === null) return null;
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) findings.fault(file.where, `${file.path} holds no certificate in PEM form`);
  let good = blocks.length > 0;
  for (const block of blocks) good = inTime(block, file, now, findings) && good;
  return good ? pem : null;
}

/** A private key in PEM without a pass phrase. `certificate` is what it must belong to. */
export async function readKey(file: NamedFile, certificate: string | null, findings: Findings): Promise<string | null> {
  const pem = await readText(file, findings);
  if (pem === null) return null;
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    findings.fault(file.where, `${file.path} holds no private key in PEM form without a pass phrase`);
    return null;
  }
  await warnIfReadable(file, findings);
  if (certificate === null || new X509Certificate(certificate).checkPrivateKey(key)) return pem;
  findings.fault(file.where, `the key in ${file.path} does not belong to the certificate; give the two that fit`);
  return null;
}

function inTime(block: string, file: NamedFile, now: number, findings: Findings): boolean {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(block);
  } catch {
    findings.fault(file.where, `${file.path} holds a damaged certificate`);
    return false;
  }
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  const subject = certificate.subject.replaceAll('\n', ', ') || 'no name';
  if (now >= to)
    findings.fault(file.where, `the certificate in ${file.path} (${subject}) expired ${certificate.validTo}`);
  else if (now < from)
    findings.fault(
      file.where,
      `the certificate in ${file.path} (${subject}) is not valid before ${certificate.validFrom}`,
    );
  else if (to - now < WARN_BEFORE_MS)
    findings.warn(file.where, `the certificate in ${file.path} (${subject}) expires ${certificate.validTo}`);
  return now >= from && now < to;
}

async function warnIfReadable(file: NamedFile, findings: Findings): Promise<void> {
  const { mode } = await stat(file.path);
  if ((mode & 0o077) !== 0) findings.warn(file.where, `others may read the key: chmod 600 ${file.path}`);
}

/** Why a file could not be used, without its path, which the caller names. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'this user may not read it';
  if (code === 'EISDIR') return 'it is a directory';
  return error instanceof Error ? error.message : String(error);
}
