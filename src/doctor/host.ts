import type { Gpu, HostRecord } from '../domain/host.js';
import { parseEndpoint } from '../engine/docker-endpoint.js';
import { type EngineLook, lookAtEngine } from '../engine/docker-look.js';
import { localGpus } from '../engine/local-gpus.js';
import { otherHost } from '../fleet/fleet.js';
import type { HostConfig } from '../fleet/host-config.js';
import { type Diagnosis, failed, messageOf, ok, warning } from './diagnosis.js';
import { mendOfEngine } from './engine-fault.js';
import type { ControlPlaneKnown } from './redis.js';

const GIB = 1024 ** 3;

/**
 * `controlPlane` null: ours is not known, so that whose the engine is can be shown but not judged. `record`: the host as workers last saw it, who may
 * not see what this machine sees.
 */
export async function diagnoseHost(
  host: HostConfig,
  controlPlane: ControlPlaneKnown | null,
  record: HostRecord | null,
): Promise<readonly Diagnosis[]> {
  const subject = `host ${host.name}`;
  return [
    ...(await diagnoseEngine(subject, host, controlPlane)),
    ...(record ? [...diagnoseStanding(subject, host, record), ...diagnoseOrphans(subject, record)] : []),
  ];
}

function diagnoseStanding(
  subject: string,
  { gone }: HostConfig,
  { state, since, message, lookedAt }: HostRecord,
): readonly Diagnosis[] {
  const seen = `workers have it as ${state} since ${timeText(since)}: ${message} (last looked at ${timeText(lookedAt)})`;
  if (gone && state === 'LOST') {
    return [
      warning(
        subject,
        `${seen}; it is marked as gone`,
        'when longshore_gpus shows nothing leased on it any more, take it out of the hosts file',
      ),
    ];
  }
  if (gone) {
    const waits = 'it is marked as gone, which counts for nothing unless it is LOST';
    return [
      warning(
        subject,
        `${waits}; workers have it as ${state}`,
        'if it is there after all, take the mark out of the hosts file',
      ),
    ];
  }
  switch (state) {
    case 'UNREACHABLE':
      return [warning(subject, seen, 'see that the machines of the workers can reach its engine')];
    case 'LOST':
      return [
        failed(
          subject,
          seen,
          'bring it back, or set LONGSHORE_LOST_HOST_POLICY to move what it served to other hosts, or mark it as gone in the hosts file if it is gone for good',
        ),
      ];
    case 'RETURNING':
      return [
        warning(subject, seen, 'if it stays so: see what the log says of those containers, or remove them there'),
      ];
    default:
      return [];
  }
}

function diagnoseOrphans(subject: string, { orphans }: HostRecord): readonly Diagnosis[] {
  return orphans.map(({ name, firstSeenAt, kept }) => {
    const what = `container ${name} is labelled as ours and Redis does not account for it, since ${timeText(firstSeenAt)}`;
    const fate =
      kept === '' ? 'it is removed when it has been so for LONGSHORE_ORPHAN_QUARANTINE' : `it stays: ${kept}`;
    return warning(subject, `${what}; ${fate}`, `if nobody misses it, on that host: docker rm -f ${name}`);
  });
}

const timeText = (ms: number): string => new Date(ms).toISOString();

async function diagnoseEngine(
  subject: string,
  host: HostConfig,
  controlPlane: ControlPlaneKnown | null,
): Promise<readonly Diagnosis[]> {
  try {
    const look = await lookAtEngine(host.name, parseEndpoint(host.endpoint, host.tls));
    const { version, cores, memory } = look.info;
    const size = `${cores} cores, ${(memory / GIB).toFixed(1)} GiB`;
    return [
      ok(subject, `Docker Engine ${version} answers at ${host.endpoint}; ${size}`),
      diagnoseOwner(host.name, look, controlPlane),
      ...(await diagnoseGpus(subject, host, look)),
    ];
  } catch (error) {
    return [failed(subject, messageOf(error), mendOfEngine(host, error))];
  }
}

function diagnoseOwner(
  name: string,
  { owner, as, network }: EngineLook,
  controlPlane: ControlPlaneKnown | null,
): Diagnosis {
  const subject = `host ${name}`;
  const networkText = network ? 'its network is there' : 'its network is missing and will be made';
  if (owner === null) return ok(subject, 'no control plane has claimed it; a worker will');
  if (owner === '')
    return failed(
      subject,
      'a volume longshore-owner is there that Longshore did not make',
      'on that host: docker volume rm longshore-owner',
    );
  if (controlPlane === null) return warning(subject, `claimed by control plane ${owner}; ours is not known now`);
  if (owner === controlPlane.id && as !== '' && as !== name) return failed(subject, otherHost(as));
  if (owner === controlPlane.id) return ok(subject, `claimed by this control plane; ${networkText}`);
  return failed(
    subject,
    `claimed by another control plane, ${owner}; none of its GPUs will be used`,
    `only if that one is gone for good, see docs/operations.md, "Redis was lost": longshore hosts adopt ${name}`,
  );
}

async function diagnoseGpus(subject: string, host: HostConfig, look: EngineLook): Promise<readonly Diagnosis[]> {
  let gpus: readonly Gpu[];
  try {
    gpus = host.gpus === 'auto' ? await localGpus({ host: host.name }) : host.gpus;
  } catch (error) {
    return [
      failed(subject, messageOf(error), 'see that nvidia-smi works on this machine; the driver may need a reboot'),
    ];
  }
  if (gpus.length === 0) return [ok(subject, 'no GPUs')];
  const text = `${gpus.length} GPUs: ${[...new Set(gpus.map(({ name }) => name))].join(', ')}`;
  if (look.info.nvidia) return [ok(subject, text)];
  const mend = 'if containers get no GPUs: install nvidia-container-toolkit there and run nvidia-ctk runtime configure';
  return [ok(subject, text), warning(subject, 'the engine does not say that it knows NVIDIA devices', mend)];
}
