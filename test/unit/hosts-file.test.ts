import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveHost } from '../../src/config/loopback.js';
import { readHostsFile } from '../../src/hosts-file.js';
import { makeCa, makeCertificate } from '../support/pem.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'longshore-hosts-'));
  await mkdir(join(dir, 'tls'));
  const ca = await makeCa(join(dir, 'tls'));
  await makeCertificate(join(dir, 'tls'), ca, 'client');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function read(yaml: string) {
  const path = join(dir, 'hosts.yaml');
  await writeFile(path, yaml);
  const faults: string[] = [];
  const warnings: string[] = [];
  const findings = {
    fault: (_: string, message: string) => void faults.push(message),
    warn: (_: string, message: string) => void warnings.push(message),
  };
  const hosts = await readHostsFile(path, 'LONGSHORE_HOSTS_FILE', { now: Date.now(), resolve: resolveHost, findings });
  return { hosts, faults, warnings };
}

const local = 'name: a, endpoint: "unix:///run/a.sock"';
const remote = 'name: a, endpoint: "tcp://10.0.0.5:2376", address: 10.0.0.5, gpus: none';
const tls = 'tls: {ca: tls/ca.crt, cert: tls/client.crt, key: tls/client.key}';
const gpu = '{uuid: GPU-1, name: NVIDIA H200, memory_mib: 2}';

test('an engine of this machine needs a name and an endpoint', async () => {
  const { hosts, faults } = await read(`hosts: [{${local}}]`);
  expect(faults).toEqual([]);
  const rest = { address: '127.0.0.1', tls: null, labels: {}, gpus: 'auto', ports: { first: 40000, last: 65535 } };
  expect(hosts).toEqual([{ name: 'a', endpoint: 'unix:///run/a.sock', ...rest }]);
});

test('a remote engine is given with everything, and its files are read from beside the hosts file', async () => {
  const rest = `labels: {zone: a}, gpus: [${gpu}], ports: "5000-5001"`;
  const { hosts, faults } = await read(`hosts: [{${remote.replace('gpus: none', rest)}, ${tls}}]`);
  expect(faults).toEqual([]);
  expect(hosts).toMatchObject([
    {
      tls: { ca: await readFile(join(dir, 'tls/ca.crt'), 'utf8'), key: expect.stringContaining('PRIVATE KEY') },
      labels: { zone: 'a' },
      gpus: [{ uuid: 'GPU-1', name: 'NVIDIA H200', memory: 2 * 1024 * 1024 }],
      ports: { first: 5000, last: 5001 },
    },
  ]);
});

test.each(['127.0.0.1', '10.0.0.5', '172.31.0.1', '192.168.1.1', '100.64.0.1', '169.254.0.1', '::1', 'fd00::1'])(
  'the address %s is a private one',
  async (address) => {
    expect(await read(`hosts: [{${local}, address: "${address}"}]`)).toMatchObject({ faults: [], warnings: [] });
  },
);

test.each(['8.8.8.8', '172.32.0.1', '2001:db8::1'])('of the public address %s is warned', async (address) => {
  const { hosts, warnings } = await read(`hosts: [{${local}, address: "${address}"}]`);
  expect(hosts).toMatchObject([{ address }]);
  expect(warnings).toEqual([expect.stringMatching(/^hosts\[0\]\.address: .* is a public address/)]);
});

test('a host may be marked as gone', async () => {
  const { hosts, faults } = await read(`hosts: [{${local}, gone: true}]`);
  expect(faults).toEqual([]);
  expect(hosts).toMatchObject([{ name: 'a', gone: true }]);
  expect((await read(`hosts: [{${local}, gone: yes it is}]`)).faults).toEqual([
    expect.stringMatching(/^hosts\[0\]\.gone: /),
  ]);
});

test.each<[string, string, RegExp]>([
  ['no YAML', 'hosts: [', /not good YAML/],
  ['an empty file', '', /expected object|Invalid input/],
  ['no hosts', 'hosts: []', /^hosts: must name at least one host/],
  [
    'an unknown field',
    `hosts: [{${local}, gpu: none}]`,
    /^hosts\[0\]\.gpu: there is no such field; gpus is the nearest/,
  ],
  ['an unknown field of tls', `hosts: [{${local}, tls: {ca: a, cert: b, key: c, kye: d}}]`, /\.tls\.kye: .*key is the/],
  [
    'an unknown field of a GPU',
    `hosts: [{${local}, gpus: [${gpu.replace('}', ', id: 1}')}]}]`,
    /gpus\[0\]\.id: .*there are uuid, name, memory_mib/,
  ],
  ['an unknown field beside the hosts', `hosts: [{${local}}]\nhost: 1`, /^host: .*hosts is the nearest/],
  ['a missing field', `hosts: [{name: a}]`, /^hosts\[0\]\.endpoint: is missing/],
  ['an entry that is none', `hosts: [gpu-1]`, /^hosts\[0\]: .*object/],
  ['a field given twice', `hosts: [{${local}, name: b}]`, /not good YAML/],
  ['a bad name', 'hosts: [{name: A_1, endpoint: "unix:///a"}]', /^hosts\[0\]\.name: must be lower-case/],
  [
    'ssh',
    'hosts: [{name: a, endpoint: "ssh://gpu-1", address: 10.0.0.5}]',
    /^hosts\[0\]\.endpoint: ssh:\/\/ is not there yet/,
  ],
  [
    'no port',
    'hosts: [{name: a, endpoint: "tcp://10.0.0.5", address: 10.0.0.5}]',
    /^hosts\[0\]\.endpoint: .*tcp:\/\/host:port/,
  ],
  ['no TLS', `hosts: [{${remote}}]`, /^hosts\[0\]\.tls: is missing/],
  ['TLS on a socket', `hosts: [{${local}, ${tls}}]`, /^hosts\[0\]\.tls: .*remove it/],
  [
    'a missing TLS file',
    `hosts: [{${remote}, ${tls.replace('ca.crt', 'no.crt')}}]`,
    /^hosts\[0\]\.tls\.ca: cannot read .*no such file/,
  ],
  [
    'another key',
    `hosts: [{${remote}, ${tls.replace('client.key', 'ca.key')}}]`,
    /^hosts\[0\]\.tls\.key: .*does not belong/,
  ],
  ['no address', `hosts: [{${remote.replace('address: 10.0.0.5,', '')}, ${tls}}]`, /^hosts\[0\]\.address: is missing/],
  ['a name as address', `hosts: [{${local}, address: gpu-1}]`, /^hosts\[0\]\.address: .*not an IP address/],
  ['every address', `hosts: [{${local}, address: 0.0.0.0}]`, /^hosts\[0\]\.address: .*every network/],
  [
    'auto elsewhere',
    `hosts: [{${remote.replace('none', 'auto')}, ${tls}}]`,
    /^hosts\[0\]\.gpus: auto asks nvidia-smi on this machine/,
  ],
  ['gpus left out elsewhere', `hosts: [{${remote.replace(', gpus: none', '')}, ${tls}}]`, /^hosts\[0\]\.gpus: auto/],
  ['auto twice', `hosts: [{${local}}, {name: b, endpoint: "unix:///b"}]`, /^hosts\[1\]\.gpus: .*hosts\[0\] too/],
  [
    'a GPU without memory',
    `hosts: [{${local}, gpus: [{uuid: GPU-1, name: x}]}]`,
    /^hosts\[0\]\.gpus\[0\]\.memory_mib: is missing/,
  ],
  [
    'one GPU twice',
    `hosts: [{${local}, gpus: [${gpu}]}, {name: b, endpoint: "unix:///b", gpus: [${gpu}]}]`,
    /^hosts\[1\]\.gpus\[0\]\.uuid: GPU-1 is there twice/,
  ],
  [
    'one name twice',
    `hosts: [{${local}, gpus: none}, {name: a, endpoint: "unix:///b"}]`,
    /^hosts\[1\]\.name: a is there twice/,
  ],
  [
    'one engine twice',
    `hosts: [{${local}, gpus: none}, {${local.replace('a,', 'b,')}}]`,
    /^hosts\[1\]\.endpoint: .* is there twice/,
  ],
  ['ports the wrong way', `hosts: [{${local}, ports: "2-1"}]`, /^hosts\[0\]\.ports: .*not a range/],
])('%s is refused at its place', async (_, yaml, message) => {
  const { faults } = await read(yaml);
  expect(faults).toEqual([expect.stringMatching(message)]);
});

test('all faults of a file are reported at once', async () => {
  const { faults } = await read(
    `hosts: [{${local}, ports: "x", address: y}, {${remote.replace('name: a', 'name: b')}}]`,
  );
  expect(faults.map((fault) => fault.split(':')[0])).toEqual(['hosts[0].address', 'hosts[0].ports', 'hosts[1].tls']);
});

test('a fault in one field hides none in the others, of this host or another', async () => {
  const twice = 'endpoint: "unix:///run/a.sock"';
  const { faults } = await read(
    [
      'hosts:',
      `- {name: A_1, ${twice}, ports: "x", gpus: [{uuid: 1}, ${gpu}], address: 5}`,
      `- {name: b, ${twice}, gpu: none, gpus: [${gpu}], tls: {ca: no.crt}}`,
      '- {name: c, endpoint: "ssh://c", gpus: 4}',
      `- {${remote.replace('name: a', 'name: d')}, lables: {}}`,
      '- {name: e, endpoint: "unix:///run/e.sock", ports: "y"}',
      '- {name: e, endpoint: "unix:///run/f.sock"}',
      'hsots: 1',
    ].join('\n'),
  );
  expect(faults.map((fault) => fault.split(': ')[0]).sort()).toEqual([
    'hosts[0].address',
    'hosts[0].gpus[0].memory_mib',
    'hosts[0].gpus[0].name',
    'hosts[0].gpus[0].uuid',
    'hosts[0].name',
    'hosts[0].ports',
    'hosts[1].endpoint',
    'hosts[1].gpu',
    'hosts[1].tls.cert',
    'hosts[1].tls.key',
    'hosts[2].endpoint',
    'hosts[2].gpus',
    'hosts[3].lables',
    'hosts[3].tls',
    'hosts[4].ports',
    'hosts[5].gpus',
    'hosts[5].name',
    'hsots',
  ]);
});
