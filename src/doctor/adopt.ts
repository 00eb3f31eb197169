import { type Adoption, adoptEngine } from '../engine/docker-adopt.js';
import { parseEndpoint } from '../engine/docker-endpoint.js';
import { type Diagnosis, failed, messageOf, ok, warning } from './diagnosis.js';
import type { Patient } from './doctor.js';
import { mendOfEngine } from './engine-fault.js';
import { diagnoseRedis } from './redis.js';

/**
 * Re-claims the engine of a host for this control plane, whoever had claimed it, and says what it found there. Containers are left as they are: those of
 * another control plane stay its own, and their GPUs count as taken while they run.
 */
export async function adoptHost(name: string, { hosts, ...place }: Patient): Promise<readonly Diagnosis[]> {
  const subject = `host ${name}`;
  const host = hosts.find((one) => one.name === name);
  if (host === undefined) {
    const known = hosts.map((one) => one.name).join(', ');
    return [
      failed(subject, 'it is not in the configuration', `name one of ${known || 'the hosts file, which has none'}`),
    ];
  }
  const redis = await diagnoseRedis(place);
  const ours = redis.controlPlane?.id;
  if (!ours) {
    const why =
      'which control plane is to have it is not known: that is made when the service starts for the first time';
    return [...redis.diagnoses, failed(subject, why, 'start the service, with this very configuration, and try again')];
  }
  try {
    return told(subject, ours, await adoptEngine(name, parseEndpoint(host.endpoint, host.tls), ours));
  } catch (error) {
    const message = messageOf(error);
    const byHand = message.includes('Longshore did not make');
    const mend = byHand ? 'on that host: docker volume rm longshore-owner' : mendOfEngine(host, error);
    return [failed(subject, message, mend)];
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
    ...left.map(({ name, state, containerId, gpus }) => {
      const devices = gpus.length > 0 ? `; GPUs ${gpus.join(', ')}` : '';
      return warning(subject, `left by ${former}: ${name} (${state}), of container ${containerId}${devices}`);
    }),
    warning(
      subject,
      `what ${former} left was not touched, and its GPUs count as taken while it runs`,
      `when nobody misses it, on that host: docker ps -aq --filter label=longshore.control-plane=${former} | xargs docker rm -f`,
    ),
  ];
}
