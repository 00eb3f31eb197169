import type { HostRecord } from '../domain/host.js';
import type { HeldDevices } from './placement.js';

/** A whole number of these is added and taken away again without an error that stays. */
const NANO = 1e9;

/** What is taken of one host, counted change by change: what a change costs does not depend on how much runs there. */
export class Tally {
  private readonly gpus = new Multiset<string>();
  private readonly ports = new Multiset<number>();
  private nanoCores = 0;
  instances = 0;
  leasedMemory = 0;

  /** Each of them stays the same set, and shows what is taken now. */
  get takenGpus(): ReadonlySet<string> {
    return this.gpus.members;
  }

  get takenPorts(): ReadonlySet<number> {
    return this.ports.members;
  }

  get leasedCores(): number {
    return this.nanoCores / NANO;
  }

  add({ gpuUuids, port, memory, cores }: HeldDevices): void {
    for (const uuid of gpuUuids) this.gpus.add(uuid);
    if (port !== null) this.ports.add(port);
    this.instances += 1;
    this.leasedMemory += memory;
    this.nanoCores += Math.round(cores * NANO);
  }

  /** Of what was added before. */
  remove({ gpuUuids, port, memory, cores }: HeldDevices): void {
    for (const uuid of gpuUuids) this.gpus.remove(uuid);
    if (port !== null) this.ports.remove(port);
    this.instances -= 1;
    this.leasedMemory -= memory;
    this.nanoCores -= Math.round(cores * NANO);
  }

  /** What containers of others hold, by the host's record; null: there is none. */
  setForeign(former: HostRecord | null, present: HostRecord | null): void {
    for (const uuid of former?.foreignGpus ?? []) this.gpus.remove(uuid);
    for (const uuid of present?.foreignGpus ?? []) this.gpus.add(uuid);
  }
}

/** A member is one until it was removed as often as it was added: a device may be held by one that has it and by one that is about to. */
class Multiset<T> {
  readonly members = new Set<T>();
  /** How often beyond once. */
  private readonly more = new Map<T, number>();

  add(member: T): void {
    if (this.members.has(member)) this.more.set(member, (this.more.get(member) ?? 0) + 1);
    else this.members.add(member);
  }

  remove(member: T): void {
    const more = this.more.get(member) ?? 0;
    if (more > 1) this.more.set(member, more - 1);
    else if (more === 1) this.more.delete(member);
    else this.members.delete(member);
  }
}
