import type { Gpu } from '../domain/host.js';
import { parseEndpoint } from '../engine/docker-endpoint.js';
import { type EngineLook, lookAtEngine } from '../engine/docker-look.js';
import { localGpus } from '../engine/local-gpus.js';
import type { HostConfig } from '../fleet/host-config.js';
import { type Diagnosis, failed, messageOf, ok, warning } from './diagnosis.js';

const GIB = 1024 ** 3;

/** `controlPlaneId` null: not known, so that whose the engine is can be shown but not judged. */
export async function diagnoseHost(host: HostConfig, controlPlaneId: string | null): Promise<readonly Diagnosis[]> {
  const subject = `host ${host.name}`;
  try {
    const look = await lookAtEngine(host.name, parseEndpoint(host.endpoint, host.tls));
    const { version, cores, memory } = look.info;
    const size = `${cores} cores, ${(memory / GIB).toFixed(1)} GiB`;
    return [
      ok(subject, `Docker Engine ${version} answers at ${host.endpoint}; ${size}`),
      diagnoseOwner(subject, look, controlPlaneId),
      ...(await diagnoseGpus(subject, host, look)),
    ];
  } catch (error) {
    return [failed(subject, messageOf(error), mendOf(host))];
  }
}

function mendOf({ endpoint }: HostConfig): string {
  if (!endpoint.startsWith('unix:'))
    return `see that the engine runs, listens with TLS and is not behind a firewall: ${endpoint}`;
  return 'start it (systemctl start docker), or let this user use it (usermod -aG docker USER)';
}

function diagnoseOwner(subject: string, { owner, network }: EngineLook, controlPlaneId: string | null): Diagnosis {
  const networkText = network ? 'its network is there' : 'its network is missing and will be made';
  if (owner === null) return ok(subject, 'no control plane has claimed it; a worker will');
  if (owner === '')
    return failed(
      subject,
      'a volume longshore-owner is there that Longshore did not make',
      'docker volume rm longshore-owner',
    );
  if (controlPlaneId === null) return warning(subject, `claimed by control plane ${owner}; ours is not known now`);
  if (owner === controlPlaneId) return ok(subject, `claimed by this control plane; ${networkText}`);
  return failed(
    subject,
    `claimed by another control plane, ${owner}; none of its GPUs will be used`,
    'if that one is gone for good: docker volume rm longshore-owner',
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
