import type { ScriptArguments } from './script-runner.js';

/** A shorter text costs less in the JSON of the others than on its own. */
const LONG = 100;

/**
 * What a script is sent as ARGV: all arguments as one JSON object, but for long texts, which follow with their names. A state is JSON itself, with
 * dozens of quotes: to escape them here, and to undo it there, takes longer than most scripts' own work. lib/base.lua puts them together again.
 */
export function packedArguments(args: ScriptArguments): readonly string[] {
  const others: Record<string, unknown> = {};
  const texts: string[] = [];
  for (const [name, value] of Object.entries(args)) {
    if (typeof value === 'string' && value.length > LONG) texts.push(name, value);
    else others[name] = value;
  }
  return [JSON.stringify(others), ...texts];
}
