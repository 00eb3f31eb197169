import type { Gpu, PortRange } from '../domain/host.js';

/** A host as the hosts file names it, with every default filled in and every file read. */
export interface HostConfig {
  /** `[a-z0-9-]`, unique. */
  readonly name: string;
  /** `unix:///path` or `tcp://host:port`. */
  readonly endpoint: string;
  /** Where its published ports are bound and reached; meant to be a private address. */
  readonly address: string;
  /** PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
  readonly labels: Readonly<Record<string, string>>;
  /** `auto` asks nvidia-smi on this machine, and is allowed for the local engine only. */
  readonly gpus: 'auto' | readonly Gpu[];
  readonly ports: PortRange;
  /** A person says that it is gone for good. Believed only while it is LOST. */
  readonly gone?: boolean;
}
