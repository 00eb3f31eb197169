import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A registry with one image, whose only layer comes in drips and never to its end. */
export interface SlowRegistry {
  /** The image's reference. */
  readonly image: string;
  /** How many downloads of the layer are under way. */
  downloads(): number;
  stop(): void;
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const LAYER = digestOf('a layer that nobody ever saw whole');
const LAYER_TYPE = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json';
const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const SIZE = 1_000_000;

const config = JSON.stringify({
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  os: 'linux',
  config: {},
  rootfs: { type: 'layers', diff_ids: [LAYER] },
});
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: MANIFEST_TYPE,
  config: { mediaType: CONFIG_TYPE, size: config.length, digest: digestOf(config) },
  layers: [{ mediaType: LAYER_TYPE, size: SIZE, digest: LAYER }],
});

export async function startSlowRegistry(): Promise<SlowRegistry> {
  let downloads = 0;
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (url.endsWith(LAYER)) {
      downloads += 1;
      response.writeHead(200, { 'content-length': SIZE });
      // An engine notices that a download was cancelled when its next bytes come.
      const drip = setInterval(() => response.write('drip'), 50);
      response.once('close', () => {
        clearInterval(drip);
        downloads -= 1;
      });
    } else if (url.includes('/manifests/')) {
      const headers = { 'content-type': MANIFEST_TYPE, 'content-length': manifest.length };
      response.writeHead(200, { ...headers, 'docker-content-digest': digestOf(manifest) });
      response.end(manifest);
    } else {
      response.end(url.includes('/blobs/') ? config : '{}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    image: `127.0.0.1:${port}/slow:1`,
    downloads: () => downloads,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
