import type { Redis } from 'ioredis';

/** What a Redis says of its part in replication. */
export interface Standing {
  readonly primary: boolean;
  /** Another one after each restart or restore of Redis, and after each change of the primary. */
  readonly replicationId: string;
  readonly replicas: number;
}

export async function askStanding(client: Redis): Promise<Standing> {
  const info = await client.info('replication');
  const field = (name: string): string => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? '';
  return {
    primary: field('role') !== 'slave',
    replicationId: field('master_replid'),
    replicas: Number(field('connected_slaves')),
  };
}
