import type { ContainerRecord } from './container.js';
import type { ImageSpec, ResolvedImage, Revision, RevisionSpec } from './revision.js';

/**
 * What a Docker container carries about the records that it was made from, so that they can be made again should Redis forget them. What may be
 * secret (environment, command and arguments) is only counted and named: its values stand in the Docker container itself, and nowhere else.
 */
export interface Memo {
  /** As it was when the Docker container was made: callers may have changed it since. */
  readonly container: Pick<ContainerRecord, 'folderId' | 'createdAt' | 'name' | 'description' | 'labels'>;
  readonly revision: Pick<Revision, 'description' | 'createdAt'> & {
    readonly image: ResolvedImage;
    readonly spec: MemoSpec;
  };
  /** The host's, at placement. */
  readonly address: string;
}

export interface MemoSpec extends Omit<RevisionSpec, 'image'> {
  readonly image: Pick<ImageSpec, 'url' | 'workingDir'> & {
    /** How many words; 0: the image's own. */
    readonly command: number;
    readonly args: number;
    /** The names, in the order in which they were given. */
    readonly environment: readonly string[];
  };
}

/** What a Docker container was made with, as its engine tells it. */
export interface Makings {
  readonly memo: string;
  /** `NAME=value`, the image's own included. */
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** Null: its image is not known, so that nothing can have been made of it. */
export function memoOf(container: ContainerRecord, revision: Revision, address: string): Memo | null {
  if (revision.image === null) return null;
  const { folderId, createdAt, name, description, labels } = container;
  const { spec, image } = revision;
  const { url, workingDir, command, args, environment } = spec.image;
  const counted = {
    url,
    workingDir,
    command: command.length,
    args: args.length,
    environment: Object.keys(environment),
  };
  return {
    container: { folderId, createdAt, name, description, labels },
    revision: {
      description: revision.description,
      createdAt: revision.createdAt,
      image,
      spec: { ...spec, image: counted },
    },
    address,
  };
}

/**
 * The specification that a memo is of. What was given under a name that we set ourselves or keep out of containers (PORT, LONGSHORE_GPU_*) cannot be told
 * any more and is left out: no container ever saw it.
 */
export function recalledSpec(
  { image, ...rest }: MemoSpec,
  makings: Makings,
  isOurs: (name: string) => boolean,
): RevisionSpec {
  const values = new Map(makings.environment.map(entryOf));
  const given = image.environment.flatMap((name) => {
    const value = values.get(name);
    return value === undefined || isOurs(name) ? [] : [[name, value] as const];
  });
  const { url, workingDir } = image;
  return {
    ...rest,
    image: {
      url,
      workingDir,
      command: image.command === 0 ? [] : makings.entrypoint,
      args: image.args === 0 ? [] : makings.cmd,
      environment: Object.fromEntries(given),
    },
  };
}

function entryOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
