import { describeVariables } from '../../src/config/variables.js';

/** The table of docs/configuration.md. */
export function configurationTable(): string {
  const rows = describeVariables().map(
    ({ name, default: fallback, form, meaning }) =>
      `| \`${name}\` | ${fallback === null ? '' : `\`${fallback}\``} | ${form} | ${meaning} |`,
  );
  return ['| variable | default | form | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
