import { parseEndpoint } from '../../../src/engine/docker-endpoint.js';

const tls = { ca: 'ca', cert: 'cert', key: 'key' };

test('sockets and hosts', () => {
  expect(parseEndpoint('unix:///var/run/docker.sock', null)).toEqual({ kind: 'unix', path: '/var/run/docker.sock' });
  expect(parseEndpoint('tcp://10.0.0.5:2376', tls)).toEqual({ kind: 'tcp', host: '10.0.0.5', port: 2376, tls });
  expect(parseEndpoint('tcp://gpu-1.lan', tls)).toEqual({ kind: 'tcp', host: 'gpu-1.lan', port: 2376, tls });
  expect(parseEndpoint('tcp://[fd00::5]:80', tls)).toEqual({ kind: 'tcp', host: 'fd00::5', port: 80, tls });
});

test('without TLS on loopback only', () => {
  for (const host of ['127.0.0.1', '127.0.0.9', 'localhost', '[::1]'])
    expect(parseEndpoint(`tcp://${host}:2375`, null)).toMatchObject({ port: 2375, tls: null });
  for (const host of ['10.0.0.5', '127.example', '0.0.0.0', '[::]'])
    expect(() => parseEndpoint(`tcp://${host}:2375`, null)).toThrow('needs tls');
});

test.each(['', 'docker.sock', 'unix://', 'unix://relative', 'http://127.0.0.1', 'tcp://', 'tcp://a/b', 'tcp://u@h:1'])(
  '%p is none',
  (text) => {
    expect(() => parseEndpoint(text, tls)).toThrow('neither');
  },
);
