import { type Adoption, adoptEngine, type Legacy, legacyOf } from '../engine/docker-adopt.js';
import { parseEndpoint } from '../engine/docker-endpoint.js';
import type { HostConfig } from '../fleet/host-config.js';
import { assumeControlPlane } from '../store/redis-assume.js';
import type { Assumption } from '../store/work.js';
import { type Diagnosis, failed, messageOf, ok, warning } from './diagnosis.js';
import type { Patient } from './doctor.js';
import { mendOfEngine } from './engine-fault.js';
import { diagnoseRedis } from './redis.js';

export interface Adopting {
  readonly name: string;
  /** What the other control plane left is to stay a stranger's, though its records could be made again. */
  readonly leave: boolean;
}

/**
 * Gives the engine of a host to this control plane, whoever had claimed it, and says what it found there. Where what runs there can be given its records
 * back, this control plane takes the other one's place instead, and workers rebuild them; nothing is done to any container either way.
 */
export async function adoptHost(
  { name, leave }: Adopting,
  { hosts, ...place }: Patient,
): Promise<readonly Diagnosis[]> {
  const subject = `host ${name}`;
  const host = hosts.find((one) => one.name === name);
  if (host === undefined) {
    const known = hosts.map((one) => one.name).join(', ');
    return [
      failed(subject, 'it is not in the configuration', `name one of ${known || 'the hosts file, which has none'}`),
    ];
  }
  const { controlPlane, diagnoses, url } = await diagnoseRedis(place);
  const ours = controlPlane?.id;
  if (!ours || url === null) {
    const why =
      'which control plane is to have it is not known: that is made when the service starts for the first time';
    return [...diagnoses, failed(subject, why, 'start the service, with this very configuration, and try again')];
  }
  try {
    const legacy = leave ? null : await legacyOf(name, parseEndpoint(host.endpoint, host.tls), ours);
    const former = legacy?.left.some(({ hasMemo }) => hasMemo) ? legacy.former : null;
    if (legacy !== null && former !== null) {
      const assumed = await assumeControlPlane({ url, keyspace: place.keyspace }, { own: ours, former });
      return assumption(host, legacy, { own: ours, former, assumed });
    }
    return told(subject, ours, await adoptEngine(name, parseEndpoint(host.endpoint, host.tls), ours));
  } catch (error) {
    const message = messageOf(error);
    const byHand = message.includes('Longshore did not make');
    const mend = byHand ? 'on that host: docker volume rm longshore-owner' : mendOfEngine(host, error);
    return [failed(subject, message, mend)];
  }
}

function assumption(
  { name }: HostConfig,
  { left }: Legacy,
  { own, former, assumed }: { readonly own: string; readonly former: string; readonly assumed: Assumption },
): readonly Diagnosis[] {
  const subject = `host ${name}`;
  switch (assumed) {
    case 'OK':
      return [
        ok(
          'redis',
          `this control plane, which was ${own}, has taken the place of ${former}, whose engines are its own now`,
        ),
        ...left.map((one) => ok(subject, `found ${shown(one)}`)),
        warning(
          'redis',
          'every process of the service ends within a second, to begin anew as that one; then workers rebuild the records of what runs on every host',
          'start them again unless something does that by itself; then look at longshore doctor, which lists what could not be rebuilt',
        ),
      ];
    case 'HOLDS':
      return [
        failed(
          subject,
          `it is claimed by control plane ${former}, whose containers can be rebuilt, but not beside those that this one, ${own}, runs by now`,
          `delete those first, and try again; or leave what ${former} left as a stranger's: longshore hosts adopt --leave ${name}`,
        ),
      ];
    case 'OTHER':
      return [failed(subject, `Redis is not of control plane ${own} any more`, 'try again')];
  }
}

function told(subject: string, ours: string, { former, owner, left }: Adoption): readonly Diagnosis[] {
  if (owner !== ours) return [failed(subject, `control plane ${owner} was faster and has claimed it; ours is ${ours}`)];
  if (former === ours)
    return [ok(subject, `it was claimed by this control plane before, ${ours}; nothing was changed`)];
  if (former === null) return [ok(subject, `nobody had claimed it; it is claimed by this control plane now, ${ours}`)];
  const claimed = ok(subject, `it was claimed by control plane ${former}, and is by this one now, ${ours}`);
  if (left.length === 0) return [claimed, ok(subject, `nothing of ${former} is left on it`)];
  return [
    claimed,
    ...left.map((one) => warning(subject, `left by ${former}: ${shown(one)}`)),
    warning(
      subject,
      `what ${former} left was not touched, and its GPUs count as taken while it runs`,
      `when nobody misses it, on that host: docker ps -aq --filter label=longshore.control-plane=${former} | xargs docker rm -f`,
    ),
  ];
}

function shown({ name, state, containerId, gpus }: Legacy['left'][number]): string {
  const devices = gpus.length > 0 ? `; GPUs ${gpus.join(', ')}` : '';
  return `${name} (${state}), of container ${containerId}${devices}`;
}
