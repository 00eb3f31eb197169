/** Who a Docker container belongs to; becomes its labels and is read back from them. */
export interface InstanceIdentity {
  readonly controlPlaneId: string;
  readonly containerId: string;
  readonly revisionId: string;
  readonly instanceId: string;
  readonly ordinal: number;
  readonly generation: number;
  readonly operationId: string;
}

/** A container of ours as Docker shows it. */
export interface ObservedInstance {
  /** Docker's id of it. */
  readonly dockerId: string;
  readonly name: string;
  readonly identity: InstanceIdentity;
  /** From the name `ls-<instance>-f<fence>`; 0 where somebody renamed it by hand. */
  readonly fence: number;
  readonly specHash: string;
  readonly state: 'CREATED' | 'RUNNING' | 'PAUSED' | 'RESTARTING' | 'EXITED' | 'DEAD' | 'REMOVING';
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Docker's error text of the last start, shortened; empty mostly. */
  readonly error: string;
  /** The engine's text, compared for equality only. */
  readonly startedAt: string;
  /** Docker's HEALTHCHECK; null where there is none. */
  readonly health: 'STARTING' | 'HEALTHY' | 'UNHEALTHY' | null;
  readonly imageId: string;
  readonly gpuUuids: readonly string[];
  readonly port: number | null;
}

/** `ls-<instance>-f<fence>` */
export function instanceName(instanceId: string, fence: number): string {
  return `ls-${instanceId}-f${fence}`;
}

/** Docker runs it, or is at it. */
export function isActive(state: ObservedInstance['state']): boolean {
  return state !== 'CREATED' && state !== 'EXITED' && state !== 'DEAD';
}
