/**
 * A set of names under which the one set of handlers answers. Field numbers and types are the same on all of them, so what
 * differs is only the packages: in service names, in the type URLs packed into Any, and in what reflection shows.
 */
export interface Surface {
  readonly name: string;
  /** Our package to the surface's. */
  readonly packages: ReadonlyMap<string, string>;
  /**
   * Our messages that the surface's clients have never heard of, to the one of ours under whose name they read its fields: a client that lists operations
   * may give up all of them for one type that it does not know.
   */
  readonly readAs?: ReadonlyMap<string, string>;
}

export const LONGSHORE: Surface = { name: 'longshore', packages: new Map() };

export const YANDEX: Surface = {
  name: 'yandex',
  packages: new Map([
    ['longshore.containers.v1', 'yandex.cloud.serverless.containers.v1'],
    ['longshore.operation.v1', 'yandex.cloud.operation'],
    ['longshore.access.v1', 'yandex.cloud.access'],
  ]),
  readAs: new Map([
    ['longshore.containers.v1.StopContainerMetadata', 'longshore.containers.v1.UpdateContainerMetadata'],
    ['longshore.containers.v1.StartContainerMetadata', 'longshore.containers.v1.UpdateContainerMetadata'],
  ]),
};

export const SURFACES: readonly Surface[] = [LONGSHORE, YANDEX];

/** What a surface calls a message, enum or service that we call `fullName`; Google's and gRPC's keep their names. */
export function nameOn(surface: Surface, fullName: string): string {
  for (const [ours, theirs] of surface.packages) {
    if (fullName === ours || fullName.startsWith(`${ours}.`)) return theirs + fullName.slice(ours.length);
  }
  return fullName;
}
