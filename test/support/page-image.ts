import type { PrivateEngine } from './private-engine.js';
import type { Registry } from './registry.js';

/** Makes, on an engine that has busybox, an image of a server of one page, with so much around it that cannot be compressed. */
export async function makePage(engine: PrivateEngine, tag: string, page: string, mebibytes = 16): Promise<void> {
  const files = `mkdir /www && echo ${page} >/www/index.html && dd if=/dev/urandom of=/weights bs=1M count=${mebibytes}`;
  await engine.docker('run', '--name', 'made', 'longshore/busybox', 'sh', '-c', files);
  await engine.docker('commit', '-c', 'CMD ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"]', 'made', tag);
  await engine.docker('rm', 'made');
}

/** Makes it, pushes it under the tag, and leaves nothing of it on the engine. */
export async function pushPage(
  engine: PrivateEngine,
  registry: Registry,
  ...[tag, page, mebibytes]: [tag: string, page: string, mebibytes?: number]
): Promise<void> {
  await makePage(engine, tag, page, mebibytes);
  await engine.docker('--config', registry.dockerConfigDir, 'push', '-q', tag);
  await engine.docker('rmi', tag);
}
