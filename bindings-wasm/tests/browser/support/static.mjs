// A server for files of one folder, on this machine only.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { after } from 'node:test';

const TYPES = {
  '.css': 'text/css',
  '.eml': 'message/rfc822',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

/**
 * Serves a folder until the test file ends. `headers` go with every answer; `texts` are files that
 * are not in the folder. Returns the address, with a slash at its end.
 */
export async function serveFolder(folder, headers = {}, texts = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    if (Object.hasOwn(texts, path)) {
      response.writeHead(200, { 'Content-Type': TYPES[extname(path)], ...headers }).end(texts[path]);
      return;
    }
    const file = join(folder, normalize(path.endsWith('/') ? `${path}index.html` : path));
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Length': found.size,
      ...headers,
    });
    createReadStream(file).pipe(response);
  });
  return await listen(server);
}

/** A server that is not the page's own: it notes the path of every request and answers none. */
export async function startStranger() {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(404).end();
  });
  return { asked, address: await listen(server) };
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}
