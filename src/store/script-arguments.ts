import type { ScriptArguments } from './script-runner.js';

/** A shorter text costs less in the JSON of the others than on its own. */
const LONG = 100;

/**
 * One call's part of what a script is sent as ARGV: how many texts follow, then all arguments as one JSON object, but for long texts, which come last with
 * their names. A state is JSON itself, with dozens of quotes: to escape them here, and to undo it there, takes longer than most scripts' own work.
 * lib/calls.lua puts them together again.
 */
export function packedArguments(args: ScriptArguments): readonly string[] {
  const others: Record<string, unknown> = {};
  const texts: string[] = [];
  for (const [name, value] of Object.entries(args)) {
    if (typeof value === 'string' && value.length > LONG) texts.push(name, value);
    else others[name] = value;
  }
  return [String(1 + texts.length), JSON.stringify(others), ...texts];
}
