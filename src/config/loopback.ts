import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine can reach an IP address, in either family or IPv4 mapped into IPv6. */
export function isLoopback(address: string): boolean {
  return isIP(address) !== 0 && LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

/** Whether the internet leads to it: RFC 1918, 6598, 3927, 4193 and 4291 say where it does not. */
export function isPrivate(address: string): boolean {
  return isLoopback(address) || (isIP(address) !== 0 && PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
}

/** A host as it will be used: the address is resolved once, so that what was judged is what is bound. */
export interface ResolvedHost {
  readonly address: string;
  /** All addresses of the name are loopback. */
  readonly loopback: boolean;
}

export type Resolve = (host: string) => Promise<ResolvedHost>;

/** Rejects where a name does not resolve. An empty host is every address of the machine. */
export const resolveHost: Resolve = async (host) => {
  if (host === '') return { address: '0.0.0.0', loopback: false };
  if (isIP(host)) return { address: host, loopback: isLoopback(host) };
  const found = await lookup(host, { all: true });
  const first = found[0];
  if (!first) throw new Error(`${host} has no address`);
  return { address: first.address, loopback: found.every(({ address }) => isLoopback(address)) };
};
