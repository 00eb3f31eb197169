import { inspect } from 'node:util';
import { createAgent } from '../../../src/engine/docker-agent.js';

test('an agent is short when the modem spells it out, which it does for every request', () => {
  const limits = { maxSockets: 8, connectTimeoutMs: 1_000 };
  const agent = createAgent({ kind: 'unix', path: '/var/run/docker.sock' }, limits);
  expect(inspect({ agent }, { showHidden: true, depth: null })).toBe('{ agent: Agent }');
  agent.destroy();
});
