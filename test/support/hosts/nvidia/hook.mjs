/**
 * What NVIDIA's prestart hook does, on a machine without GPUs.
 *
 * An engine that finds `nvidia-container-runtime-hook` on its PATH registers the device driver "nvidia". For a container
 * with a GPU device request it sets NVIDIA_VISIBLE_DEVICES in the OCI spec and runs the hook, with the OCI state on stdin
 * and the engine's own environment. The hook gives the container its devices and nvidia-smi, or refuses.
 *
 * LONGSHORE_GPU_DIR is the state of one host:
 *   devices.csv   its GPUs, a line each: index, uuid, name, MiB
 *   seen/<id>     what a container was given, in the same form, renumbered from 0; written at every start
 *   pids/<id>     the process that it was given to: its id and when it began
 *   overlaps      a line for each start with a GPU that another container ran with at that moment
 *   fail          when it is there, every start fails with its text
 *   hold          while it is there, starts wait, having left held/<id>
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
const dir = process.env.LONGSHORE_GPU_DIR;

function refuse(message) {
  process.stderr.write(`nvidia-container-cli: ${message}\n`);
  process.exit(1);
}

/** The lines of devices.csv that the value of NVIDIA_VISIBLE_DEVICES asks for. */
function select(wanted) {
  const devices = readFileSync(join(dir, 'devices.csv'), 'utf8').trim().split('\n').filter(Boolean);
  if (wanted === 'all') return devices;
  return wanted.split(',').map((name) => {
    const found = devices.find((line) => line.split(', ').slice(0, 2).includes(name));
    return found ?? refuse(`device error: ${name}: unknown device`);
  });
}

/** State and start time of a process; undefined: there is none. */
function processOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return { state: fields[0], startedAt: fields[19] };
  } catch {
    return undefined;
  }
}

/** It is a start that begins to share a GPU: of two at the same time the later one sees the other's note. */
function noteOverlaps() {
  const pids = join(dir, 'pids');
  mkdirSync(pids, { recursive: true });
  writeFileSync(join(pids, state.id), `${state.pid} ${processOf(state.pid)?.startedAt}`);
  const uuids = (id) => readFileSync(join(dir, 'seen', id), 'utf8').split('\n').flatMap((line) => line.split(', ')[1] ?? []);
  const mine = uuids(state.id);
  for (const other of readdirSync(pids)) {
    const [pid, startedAt] = readFileSync(join(pids, other), 'utf8').split(' ');
    const found = processOf(pid);
    if (other === state.id || found?.startedAt !== startedAt || 'ZX'.includes(found.state)) continue;
    const both = uuids(other).filter((uuid) => mine.includes(uuid));
    if (both.length === 0) continue;
    const line = `container ${state.id} was started with ${both.join()}, with which ${other} still ran`;
    appendFileSync(join(dir, 'overlaps'), `${line}\n`);
  }
}

function waitWhileHeld() {
  const hold = join(dir, 'hold');
  if (!existsSync(hold)) return;
  mkdirSync(join(dir, 'held'), { recursive: true });
  writeFileSync(join(dir, 'held', state.id), '');
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(hold)) Atomics.wait(clock, 0, 0, 20);
}

// Runs in the container's mount namespace, where its root is still at the host's path. mknod may be forbidden.
const give = `
  root=$1; list=$2; smi=$3; busybox=$4; count=$5
  put() { mkdir -p "$(dirname "$root$2")"; [ -e "$root$2" ] || : >"$root$2"; mount --bind -o ro "$1" "$root$2"; }
  put "$list" /run/nvidia-devices.csv
  put "$busybox" /usr/bin/busybox-nvidia
  put "$smi" /usr/bin/nvidia-smi
  mknod -m 666 "$root/dev/nvidiactl" c 195 255 2>/dev/null
  i=0; while [ $i -lt $count ]; do mknod -m 666 "$root/dev/nvidia$i" c 195 $i 2>/dev/null; i=$((i + 1)); done; :`;

const state = JSON.parse(readFileSync(0, 'utf8'));
const spec = JSON.parse(readFileSync(join(state.bundle, 'config.json'), 'utf8'));
const visible = spec.process.env.filter((entry) => entry.startsWith('NVIDIA_VISIBLE_DEVICES=')).at(-1)?.split('=')[1];
if (!visible || visible === 'void' || visible === 'none') process.exit(0);

const fail = join(dir, 'fail');
if (existsSync(fail)) refuse(readFileSync(fail, 'utf8').trim() || 'initialization error: nvml error: driver not loaded');

waitWhileHeld();
const given = select(visible).map((line, index) => line.replace(/^\d+/, String(index)));
mkdirSync(join(dir, 'seen'), { recursive: true });
const list = join(dir, 'seen', state.id);
writeFileSync(list, given.map((line) => `${line}\n`).join(''));
noteOverlaps();

const busybox = execFileSync('sh', ['-c', 'readlink -f "$(command -v busybox)"'], { encoding: 'utf8' }).trim();
const root = resolve(state.bundle, spec.root.path);
const inside = ['/bin/sh', '-euc', give, 'give', root, list, join(here, 'nvidia-smi'), busybox, String(given.length)];
execFileSync('nsenter', ['-t', String(state.pid), '-m', ...inside], { stdio: ['ignore', 'ignore', 'inherit'] });
