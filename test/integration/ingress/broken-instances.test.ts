import { type CrudeInstance, startCrudeInstance } from '../../support/crude-instance.js';
import { ask, HOST, routeTo, sendRaw, startIngress, type TestIngress } from '../../support/ingress.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

/** What the instance answers with, byte for byte, by the path that is asked for. */
const ANSWERS: Record<string, string> = {
  '/links': `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\nLink: </b.js>; rel=preload; as=script\r\n\r\n${OK}`,
  '/bad-link': `HTTP/1.1 103 Early Hints\r\nLink: bad\r\n\r\n${OK}`,
  '/odd-link': `HTTP/1.1 103 Early Hints\r\nLink: \x80 <a>\r\nContent-Length: 5\r\n\r\n${OK}`,
};

let ingress: TestIngress;
let instance: CrudeInstance;

beforeAll(async () => {
  instance = await startCrudeInstance('i1', (socket, request) => {
    const path = request.split(' ')[1] ?? '';
    socket.write(Buffer.from(ANSWERS[path] ?? OK, 'latin1'));
  });
  ingress = await startIngress();
  await ingress.publish(routeTo(instance.target));
});

afterAll(async () => {
  await ingress.ingress.stop(0);
  await instance.kill();
});

function get(path: string, version = '1.1'): Promise<string> {
  return sendRaw(ingress.port, `GET ${path} HTTP/${version}\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
}

test('several links in one 103 are passed on', async () => {
  const text = await get('/links');
  expect(text).toContain('</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script\r\n\r\nHTTP/1.1 200 OK');
});

test.each(['/bad-link', '/odd-link'])('a hint that cannot be passed on is left out: %s', async (path) => {
  expect(await get(path)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/);
  expect((await ask(ingress.port, '/')).body).toBe('ok');
});
