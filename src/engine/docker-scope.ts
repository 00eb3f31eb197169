import type { DockerClient } from './docker-client.js';

/** How long each kind of call may take, in milliseconds. */
export interface CallTimeouts {
  /** Of the ping, which touches nothing but the engine's own memory, so that a longer silence says enough. */
  readonly ping: number;
  readonly read: number;
  /** Creating, renaming, claiming. */
  readonly change: number;
  /** Starting and removing: they wait for the kernel, for devices and for storage. */
  readonly slow: number;
  /** What an engine may need to confirm a stop, beyond the grace. */
  readonly stopMargin: number;
}

export const CALL_TIMEOUTS: CallTimeouts = {
  ping: 5_000,
  read: 15_000,
  change: 30_000,
  slow: 90_000,
  stopMargin: 20_000,
};

/** What the calls to one engine, in the name of one control plane, have in common. */
export interface EngineScope {
  /** The host's name in Longshore; in every EngineError. */
  readonly host: string;
  readonly client: DockerClient;
  readonly controlPlaneId: string;
  readonly timeouts: CallTimeouts;
}
