# The service. Make it with `npm run image`, which builds dist/ and the production packages into the context.
#
# The base needs Node.js 20.19 or later at /usr/local/bin, /usr/bin or /bin, and nothing else: Redis is another container, named by
# REDIS_URL. For the embedded Redis the base would need redis-server, setpriv and flock too.
ARG BASE_IMAGE=node:24-bookworm-slim
FROM ${BASE_IMAGE}

WORKDIR /opt/longshore
COPY package.json ./
COPY node_modules ./node_modules
COPY dist ./dist

ENV NODE_ENV=production

# It runs as root: whoever may use the Docker socket is root on the host anyhow, and the group that owns the socket differs from host
# to host. Where all hosts are reached by tcp with TLS and the socket is not mounted, run it with `--user 65532:65532`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/opt/longshore/dist/cli.js"]
CMD ["serve"]
