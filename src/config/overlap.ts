import { BlockList, isIP } from 'node:net';
import type { Findings } from './pem-files.js';

interface Listen {
  readonly address: string;
  readonly port: number;
}

interface NamedListen extends Listen {
  /** The variable that it comes from. */
  readonly name: string;
}

/** Two listeners of one process cannot have one address and port; the second would fail to start. */
export function refuseOverlaps(listeners: readonly NamedListen[], findings: Findings): void {
  for (const [index, second] of listeners.entries()) {
    const first = listeners.slice(0, index).find((other) => overlap(other, second));
    if (first)
      findings.fault(
        second.name,
        `${shown(second)} is taken by ${first.name} (${shown(first)}); give each a port of its own`,
      );
  }
}

function overlap(one: Listen, other: Listen): boolean {
  return (
    one.port !== 0 &&
    one.port === other.port &&
    (covers(one.address, other.address) || covers(other.address, one.address))
  );
}

/** On Linux `::` takes IPv4 as well. */
function covers(wide: string, address: string): boolean {
  if (wide === '::' || (wide === '0.0.0.0' && isIP(address) === 4)) return true;
  const same = new BlockList();
  same.addAddress(wide, familyOf(wide));
  return same.check(address, familyOf(address));
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

const shown = ({ address, port }: Listen): string =>
  isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
