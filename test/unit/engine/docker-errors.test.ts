import { toEngineError } from '../../../src/engine/docker-errors.js';
import { EngineError } from '../../../src/engine/driver.js';

const change = { host: 'gpu-1', what: 'start x', mutates: true };
const read = { ...change, mutates: false };
const answer = (statusCode: number, message: string) => ({ statusCode, json: { message }, message: 'HTTP' });

test.each([
  [400, 'bad parameter', 'PERMANENT'],
  [401, 'no', 'PERMANENT'],
  [404, 'No such container: x', 'NOT_FOUND'],
  [404, 'network 12ab not found', 'PERMANENT'],
  [409, 'Conflict. The container name is in use', 'CONFLICT'],
  [409, 'removal of container x is already in progress', 'TRANSIENT'],
  [429, 'slow down', 'TRANSIENT'],
  [500, 'port is already allocated', 'TRANSIENT'],
  [500, 'could not select device driver "nvidia" with capabilities: [[gpu]]', 'PERMANENT'],
  [503, 'starting', 'TRANSIENT'],
])('status %d, %s', (status, text, kind) => {
  const error = toEngineError(answer(status, text), change);
  expect(error.kind).toBe(kind);
  expect(error.message).toBe(`start x: ${text}`);
});

test.each([
  ['Bind for 127.0.0.1:31997 failed: port is already allocated', 'PORT_TAKEN'],
  ['Error starting userland proxy: listen tcp4 127.0.0.1:31999: bind: address already in use', 'PORT_TAKEN'],
  ['failed to bind host port 127.0.0.1:31999/tcp: address already in use', 'PORT_TAKEN'],
  ['Error starting userland proxy: listen tcp4 10.9.9.9:31996: bind: cannot assign requested address', null],
  ['no space left on device', 'DISK_FULL'],
])('driver failed programming external connectivity on endpoint x: %s', (text, reason) => {
  const message = `driver failed programming external connectivity on endpoint x (79e0): ${text}`;
  expect(toEngineError(answer(500, message), change)).toMatchObject({ kind: 'TRANSIENT', reason });
});

test.each([
  ['nvidia-container-cli: device error: GPU-8dd1: unknown device: unknown', 'PERMANENT'],
  ['could not inject CDI devices: unresolvable CDI devices nvidia.com/gpu=GPU-8dd1', 'TRANSIENT'],
])('a GPU that is not there any more: %s', (text, kind) => {
  expect(toEngineError(answer(500, text), change)).toMatchObject({ kind, reason: 'GPU_GONE' });
});

const id = '67'.repeat(32);
test.each([
  [`task ${id}: already exists`, 'HALF_STARTED'],
  ['id already in use', 'RUNS_UNSEEN'],
  ['endpoint with name x already exists in network y', null],
])('a start after an engine was killed in one: %s', (text, reason) => {
  expect(toEngineError(answer(500, text), change)).toMatchObject({ kind: 'TRANSIENT', reason });
});

test.each([
  [{ syscall: 'connect', code: 'ECONNREFUSED' }, 'UNREACHABLE', 'UNREACHABLE'],
  [{ syscall: 'connect', code: 'ENOENT' }, 'UNREACHABLE', 'UNREACHABLE'],
  [{ syscall: 'getaddrinfo', code: 'ENOTFOUND' }, 'UNREACHABLE', 'UNREACHABLE'],
  [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'UNREACHABLE', 'UNREACHABLE'],
  [{ code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }, 'UNREACHABLE', 'UNREACHABLE'],
  [{ syscall: 'read', code: 'ECONNRESET' }, 'UNKNOWN_OUTCOME', 'UNREACHABLE'],
  [{ code: 'ECONNRESET' }, 'UNKNOWN_OUTCOME', 'UNREACHABLE'],
])('fault %p', (fault, ofChange, ofRead) => {
  const error = Object.assign(new Error('it broke'), fault);
  expect(toEngineError(error, change).kind).toBe(ofChange);
  expect(toEngineError(error, read).kind).toBe(ofRead);
});

test('an EngineError stays what it is', () => {
  const error = new EngineError('CONFLICT', 'gpu-1', 'x');
  expect(toEngineError(error, change)).toBe(error);
});

test('messages are one short line without secrets', () => {
  const text = `Get "https://user:secret@r.example/token?password=secret": ${'x\n'.repeat(400)} the cause`;
  const { message } = toEngineError(answer(500, text), change);
  expect(message.length).toBeLessThanOrEqual(300);
  expect(message).not.toMatch(/secret|\n/);
  expect(message).toMatch(/^start x: .*the cause$/);
});
