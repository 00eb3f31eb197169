import { z } from 'zod';
import { isSentinelUrl, parseSentinelUrl } from '../store/address.js';

/** What a listener is asked to bind, before its host is resolved. An empty host means every address of the machine. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `250ms`, `30s`, `1.5m`, `24h`, `30d`, within both bounds; becomes whole milliseconds. */
export function duration(shortest: string, longest: string) {
  const [min, max] = [milliseconds(shortest), milliseconds(longest)];
  return z.string().transform((text, ctx): number => {
    const ms = milliseconds(text);
    if (Number.isNaN(ms)) return refuse(ctx, `"${text}" is not a duration; write a number with ms, s, m, h or d: 30s`);
    if (!(ms >= min && ms <= max)) return refuse(ctx, `${text} is out of range; from ${shortest} to ${longest}`);
    return Math.round(ms);
  });
}

/** NaN where the text is no duration. */
function milliseconds(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(amount) * (UNIT_MS[unit as keyof typeof UNIT_MS] ?? Number.NaN);
}

const UNIT_BYTES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** `512MiB`, `1.5GiB`, `100GiB`; becomes whole bytes. */
export const bytes = z.string().transform((text, ctx): number => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB|TiB)$/.exec(text) ?? [];
  const value = Number(amount) * (UNIT_BYTES[unit as keyof typeof UNIT_BYTES] ?? Number.NaN);
  if (Number.isSafeInteger(Math.round(value))) return Math.round(value);
  return refuse(ctx, `"${text}" is not a size; write a number with KiB, MiB, GiB or TiB: 100GiB`);
});

export function wholeNumber(min: number, max: number) {
  return z.string().transform((text, ctx): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    return refuse(ctx, `"${text}" is not a whole number from ${min} to ${max}`);
  });
}

/** `host:port`, `[::1]:port` or `:port`. Port 0 takes any free one. */
export const hostPort = z.string().transform((text, ctx): HostPort => {
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = digits === undefined ? Number.NaN : Number(digits);
  if (port <= 65_535) return { host: bracketed ?? plain ?? '', port };
  return refuse(ctx, `"${text}" is not host:port; for example 127.0.0.1:8080 or [::1]:8080`);
});

/** A name that a wildcard DNS record can stand behind; becomes lower case. */
export const domainName = z.string().transform((text, ctx): string => {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
  const name = text.toLowerCase();
  if (name.length <= 200 && new RegExp(`^${label}(?:\\.${label})*$`).test(name)) return name;
  return refuse(ctx, `"${text}" is not a domain name; for example containers.example.com`);
});

/** Scheme, host and port only. */
export const baseUrl = z.string().transform((text, ctx): URL => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const bare = url !== null && url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password;
  if (url && bare && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  return refuse(ctx, 'is not a base URL; for example https://containers.example.com, without user, path or query');
});

/** The text may hold a password, so no message repeats any of it. What passes is what the Redis client can read. */
export const redisUrl = z.string().transform((text, ctx): string => {
  if (isSentinelUrl(text)) {
    if (parseSentinelUrl(text)) return text;
    return refuse(ctx, 'is not a URL of Sentinels; write redis+sentinel://user:password@host:26379,host:26379/name/0');
  }
  const full = text.startsWith('/') ? `unix://${text}` : text;
  const url = /^(rediss?:\/\/|unix:)/.test(full) && URL.canParse(full) ? new URL(full) : null;
  if (url === null)
    return refuse(ctx, 'is not a Redis URL; write redis://host:6379, rediss://user:password@host:6379 or unix:///path');
  if (!isDecodable(url.username) || !isDecodable(url.password))
    return refuse(ctx, 'has a user or a password with a % that encodes nothing; write a plain % as %25');
  const path = url.protocol === 'unix:' ? '' : url.pathname.slice(1);
  const databases = [path, ...url.searchParams.getAll('db')];
  if (databases.some((database) => !/^\d*$/.test(database)))
    return refuse(ctx, 'names a database that is no number; write redis://host:6379/0');
  return text;
});

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Braces would move the hash tag that holds all keys together, a slash would reach into another's names. */
export const keyspace = z.string().transform((text, ctx): string => {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) return text;
  return refuse(ctx, `"${text}" is not a name of lower-case letters, digits and dashes, 63 at most`);
});

/** Comma-separated words out of `choices`, at least one; repeated ones count once. */
export function wordsOf<Word extends string>(choices: readonly Word[]) {
  return z.string().transform((text, ctx): ReadonlySet<Word> => {
    const words = text
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean);
    const known = words.flatMap((word) => choices.filter((choice) => choice === word));
    if (known.length > 0 && known.length === words.length) return new Set(known);
    return refuse(ctx, `"${text}" is not a list out of ${choices.join(', ')}`);
  });
}

export function oneOf<Word extends string>(choices: readonly Word[]) {
  return z.string().transform((text, ctx): Word => {
    const found = choices.find((choice) => choice === text.toLowerCase());
    return found ?? refuse(ctx, `"${text}" is not one of ${choices.join(', ')}`);
  });
}

/** Adds the fault and ends the transform. */
function refuse(ctx: z.RefinementCtx, message: string): never {
  ctx.addIssue({ code: 'custom', message });
  return z.NEVER;
}
