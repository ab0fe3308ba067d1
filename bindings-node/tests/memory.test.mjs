// A message of 1 GiB, made on the fly by a server, streamed into a file in little memory.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { createServer } from '../dist/index.js';
import { certificate } from './support/certificates.mjs';

const OCTETS = 1024 ** 3;
const MOST_MIB = 64;

const folder = mkdtempSync(join(tmpdir(), 'popmail-memory-'));
after(() => rmSync(folder, { recursive: true }));

test(`a message of 1 GiB streams into a file within ${MOST_MIB} MiB`, async (context) => {
  const block = Buffer.from(`${'.'.padEnd(62, 'x')}\r\n`.repeat(1_024));
  const sent = createHash('sha256');
  const maildrop = {
    entries: () => [{ uid: 'large', octets: OCTETS }],
    *open() {
      for (let octets = 0; octets < OCTETS; octets += block.length) {
        sent.update(block);
        yield block;
      }
    },
    commit: () => {},
  };
  const tls = certificate();
  const server = await createServer({ accounts: { me: { password: 'secret', maildrop } }, tls });
  const file = join(folder, 'large.eml');
  const program = fileURLToPath(new URL('./support/stream-into-file.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, server.host, server.port, tls.cert, file]);
  await server.close();
  context.diagnostic(`${Number(stdout).toFixed(1)} MiB above idle`);
  const stored = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    stored.update(chunk);
  }
  assert.equal(stored.digest('hex'), sent.digest('hex'));
  assert.ok(Number(stdout) < MOST_MIB, `${stdout} MiB`);
});
