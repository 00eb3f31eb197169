/**
 * The application that the demo and the tests deploy: an HTTP server without dependencies.
 *
 *   GET  /          {"revision", "hostname", "pid", "gpus", "env"}; also in the header x-revision
 *   POST /echo      the body as it came, of any length
 *   GET  /stream    a line every 100 ms for ?seconds=5, the last one is "end"
 *   GET  /events    the same as Server-Sent Events
 *   GET  /slow      answers after ?ms=1000
 *   GET  /status    answers with the code ?code=500
 *   GET  /exit      ends the process with ?code=1
 *
 * Environment:
 *   PORT                  where to listen (8080)
 *   LONGSHORE_REVISION    the revision that is reported; REVISION comes first when it is set
 *   APP_IGNORE_REVISION   reports this instead, whatever revision was deployed: the fault that the demo must notice
 *   APP_LISTEN_DELAY_MS   listens only after so long
 *   APP_EXIT_CODE         ends with this code, at once or after APP_EXIT_AFTER_MS
 *   APP_UNHEALTHY         answers every request with 500
 *   APP_UNHEALTHY_AFTER_MS   the same, after so long
 *   APP_IGNORE_SIGTERM    stays when asked to go
 *   APP_MESSAGE           a line for the log at the start
 *
 * The first argument, when there is one, is a list of such settings: "APP_EXIT_CODE=3 APP_MESSAGE=bye".
 */
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const settings = { ...process.env };
for (const pair of process.argv.slice(2).flatMap((argument) => argument.split(' '))) {
  const [name, ...value] = pair.split('=');
  if (name) settings[name] = value.join('=') || '1';
}

const number = (name, fallback) => Number(settings[name] ?? fallback);
const revision =
  settings.APP_IGNORE_REVISION ?? settings.REVISION ?? settings.LONGSHORE_REVISION ?? settings.K_REVISION ?? 'none';
const startedAt = Date.now();

const unhealthy = () =>
  settings.APP_UNHEALTHY !== undefined ||
  (settings.APP_UNHEALTHY_AFTER_MS !== undefined && Date.now() - startedAt >= number('APP_UNHEALTHY_AFTER_MS', 0));

function reply(response, code, body) {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

async function stream(response, seconds, type, line) {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
  const end = Date.now() + seconds * 1000;
  for (let i = 0; Date.now() < end && !response.destroyed; i++) {
    response.write(line(String(i)));
    await delay(100);
  }
  response.end(line('end'));
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://app');
  const query = (name, fallback) => Number(url.searchParams.get(name) ?? fallback);
  response.setHeader('x-revision', revision);
  if (unhealthy()) return reply(response, 500, { error: 'this application was told to be unhealthy', revision });
  switch (url.pathname) {
    case '/echo':
      response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'application/octet-stream' });
      return request.pipe(response);
    case '/stream':
      return stream(response, query('seconds', 5), 'text/plain', (text) => `${revision} ${text}\n`);
    case '/events':
      return stream(response, query('seconds', 5), 'text/event-stream', (text) => `data: ${revision} ${text}\n\n`);
    case '/slow':
      await delay(query('ms', 1000));
      return reply(response, 200, { revision });
    case '/status':
      return reply(response, query('code', 500), { revision });
    case '/exit':
      reply(response, 200, { revision });
      return response.on('close', () => process.exit(query('code', 1)));
    default:
      return reply(response, 200, {
        revision,
        hostname: hostname(),
        pid: process.pid,
        gpus: settings.NVIDIA_VISIBLE_DEVICES ?? '',
        request: { method: request.method, path: request.url, headers: request.headers },
      });
  }
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => response.destroy(error));
});

// Ends when the last request is answered; idle connections are closed at once.
function leave() {
  if (settings.APP_IGNORE_SIGTERM !== undefined) return;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}
process.on('SIGTERM', leave);
process.on('SIGINT', leave);

if (settings.APP_MESSAGE) console.log(settings.APP_MESSAGE);
if (settings.APP_EXIT_CODE !== undefined) {
  const exit = () => process.exit(number('APP_EXIT_CODE', 1));
  if (settings.APP_EXIT_AFTER_MS === undefined) exit();
  setTimeout(exit, number('APP_EXIT_AFTER_MS', 0));
}
await delay(number('APP_LISTEN_DELAY_MS', 0));
server.keepAliveTimeout = 65_000;
server.listen(number('PORT', 8080), () => console.log(`revision ${revision} listens on port ${server.address().port}`));
