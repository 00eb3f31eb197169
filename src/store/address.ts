/** Where Redis is, and how it is entered. */
export type RedisAddress =
  /** `redis://`, `rediss://`, or the path of a socket; as the client takes it. */
  { readonly kind: 'DIRECT'; readonly url: string } | SentinelAddress;

/** The primary that Sentinels name. */
export interface SentinelAddress {
  readonly kind: 'SENTINEL';
  readonly tls: boolean;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** By which they know it. */
  readonly name: string;
  readonly database: number;
  /** Empty: none. */
  readonly user: string;
  readonly password: string;
  readonly sentinelPassword: string;
}

const SENTINEL_PORT = 26_379;
const SENTINEL_URL =
  /^(rediss?)\+sentinel:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)\/(?<name>[^/?#]+)(?:\/(?<database>\d+))?(?:\?sentinel-password=(?<sentinelPassword>[^&#]*))?$/;

export const isSentinelUrl = (url: string): boolean => /^rediss?\+sentinel:/.test(url);

/** Null where it is not `redis+sentinel://user:password@sentinel-1:26379,sentinel-2:26379/name/3?sentinel-password=...` or its TLS kin. */
export function parseSentinelUrl(url: string): SentinelAddress | null {
  const found = SENTINEL_URL.exec(url);
  if (found?.groups === undefined) return null;
  const { hosts = '', name = '', database = '0', ...secrets } = found.groups;
  const sentinels = hosts.split(',').map(hostAndPort);
  if (sentinels.includes(null)) return null;
  try {
    const [user, password, sentinelPassword] = [secrets.user, secrets.password, secrets.sentinelPassword].map((text) =>
      decodeURIComponent(text ?? ''),
    );
    return {
      kind: 'SENTINEL',
      tls: found[1] === 'rediss',
      sentinels: sentinels.filter((one) => one !== null),
      name: decodeURIComponent(name),
      database: Number(database),
      user: user ?? '',
      password: password ?? '',
      sentinelPassword: sentinelPassword ?? '',
    };
  } catch {
    return null;
  }
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } | null {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const [host, port] = [bracketed ?? plain, digits === undefined ? SENTINEL_PORT : Number(digits)];
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

/** `url` is one that the configuration has let pass, or the path of a socket. */
export function redisAddress(url: string): RedisAddress {
  return parseSentinelUrl(url) ?? { kind: 'DIRECT', url: url.replace(/^unix:(\/\/)?/, '') };
}
