/** Every script of the store: a file each in scripts/. A test holds this list and the folder together. */
export const SCRIPT_NAMES = [
  'create-container',
  'update-container',
  'set-access-bindings',
  'submit',
  'cancel',
  'read',
  'ended',
  'page',
  'take',
  'renew',
  'release',
  'park',
  'unpark',
  'enqueue',
  'next-due',
  'load',
  'look',
  'take-operation',
  'save',
  'place',
  'move-devices',
  'free-devices',
  'publish-route',
  'begin-stop',
  'switch-revision',
  'revert',
  'complete-operation',
  'remove-container',
  'rebuild',
  'load-host',
  'save-host',
  'remove-host',
  'note-image',
  'save-images',
  'hosts',
  'routes',
  'report-ingress',
  'leave-ingress',
  'open',
  'assume',
] as const;

export type ScriptName = (typeof SCRIPT_NAMES)[number];

/** What a script finds in its `args`, described in its header. Texts that are stored verbatim (state, spec ...) are JSON themselves. */
export type ScriptArguments = Readonly<Record<string, unknown>>;

/**
 * The one place through which every script goes: wrap it to count, to time, or to die before a script and after it. Rejects with StoreFault
 * where Redis is away, and with the error that the script returned.
 */
export interface ScriptRunner {
  run(name: ScriptName, args: ScriptArguments): Promise<unknown>;
}
