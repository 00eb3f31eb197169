import { devicesOf } from '../../../src/engine/docker-foreign.js';

const A = 'GPU-aaaaaaaa-0000-0000-0000-000000000000';
const B = 'GPU-bbbbbbbb-0000-0000-0000-000000000000';
const C = 'GPU-cccccccc-0000-0000-0000-000000000000';
const ALL = [A, B, C];

const requesting = (request: object) => devicesOf({ HostConfig: { DeviceRequests: [request] } }, ALL);
const visible = (value: string, runtime: string) =>
  devicesOf({ Config: { Env: [`NVIDIA_VISIBLE_DEVICES=${value}`] }, HostConfig: { Runtime: runtime } }, ALL);
const gpu = { Capabilities: [['gpu']] };

test('device requests', () => {
  expect(requesting({ ...gpu, Count: -1 })).toEqual(ALL);
  expect(requesting({ ...gpu, Count: 2 })).toEqual([A, B]);
  expect(requesting({ ...gpu, DeviceIDs: [C, A] })).toEqual([A, C]);
  expect(requesting({ ...gpu, DeviceIDs: ['1'] })).toEqual([B]);
  expect(requesting({ ...gpu, DeviceIDs: ['GPU-bb'] })).toEqual([B]);
  expect(requesting({ ...gpu, DeviceIDs: [`MIG-${B}/1/0`, '0:1'] })).toEqual([A, B]);
  expect(requesting({ Driver: 'nvidia', Count: -1 })).toEqual(ALL);
  expect(requesting({ Driver: 'cdi', DeviceIDs: [`nvidia.com/gpu=${C}`] })).toEqual([C]);
  expect(requesting({ Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=all'] })).toEqual(ALL);
  expect(requesting({ Driver: 'cdi', DeviceIDs: ['vendor.com/nic=0'] })).toEqual([]);
  expect(requesting({ Driver: 'other', Count: -1, Capabilities: [['tpu']] })).toEqual([]);
});

test('the variable hands out devices under the runtime of NVIDIA only, unless it names one', () => {
  expect(visible('all', 'nvidia')).toEqual(ALL);
  expect(visible('0,2', 'nvidia')).toEqual([A, C]);
  expect(visible('void', 'nvidia')).toEqual([]);
  expect(visible('none', 'nvidia')).toEqual([]);
  expect(visible('', 'nvidia')).toEqual([]);
  expect(visible('all', 'runc')).toEqual([]);
  expect(visible(B, 'runc')).toEqual([B]);
});

test('device files count, and what is not known counts as every device', () => {
  expect(
    devicesOf({ HostConfig: { Devices: [{ PathOnHost: '/dev/nvidia1' }, { PathOnHost: '/dev/fuse' }] } }, ALL),
  ).toEqual([B]);
  expect(requesting({ ...gpu, DeviceIDs: ['MIG-11111111-2222'] })).toEqual(ALL);
  expect(requesting({ ...gpu, DeviceIDs: ['GPU-eeee'] })).toEqual([]);
  expect(devicesOf(null, ALL)).toEqual([]);
});
