// The examples of the README, one after the other, against a server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { MemoryMaildrop, createServer } from '../dist/index.js';
import { makeCertificate } from './support/certificates.mjs';
import { HERE, install } from './support/install.mjs';

let folder;
before(() => {
  ({ folder } = install());
  makeCertificate(folder);
  cpSync(join(HERE, '../examples/mail/04-complete.eml'), join(folder, '04-complete.eml'));
  ['', 'new', 'cur', 'tmp'].forEach((name) => mkdirSync(join(folder, 'Mail', name)));
});
after(() => rmSync(folder, { recursive: true }));

test('every example of the READMEs runs', async () => {
  const readme = readFileSync(join(HERE, 'README.md'), 'utf8');
  const blocks = Array.from(readme.matchAll(/```js\n(.*?)```/gs), ([, block]) => block);
  assert.equal(blocks.length, 8);
  const [fetch, stream, summaries, fetchNew, ...rest] = blocks;
  const here = (source) => source.replace("'pop.example.com'", "'127.0.0.1', ...place");
  // The second and the third go on where the first has its session.
  const session = here(fetch).replace(/^const box = .*$/m, (line) => line + stream.replace(/^import.*$/m, '') + summaries);
  const sample = readFileSync(join(folder, '04-complete.eml'));
  const maildrop = new MemoryMaildrop([sample]);
  const tls = { cert: readFileSync(join(folder, 'certificate.pem')), key: readFileSync(join(folder, 'key.pem')) };
  const server = await createServer({ accounts: { me: { password: '…', maildrop } }, tls });
  const place = `
    import { readFileSync } from 'node:fs';
    import { writeFile } from 'node:fs/promises';
    const place = { port: ${server.port}, tlsOptions: { ca: readFileSync('certificate.pem') } };
  `;
  const run = async (source) => {
    writeFileSync(join(folder, 'example.mjs'), source);
    // Without it an example that is a test would report to this run, in a format of its own.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    return (await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: folder, env })).stdout;
  };
  assert.match(await run(place + here(fetchNew)), /^\S+ Pläne für das Café and the schedule\n$/);
  assert.equal(await run(place + here(fetchNew)), '');
  assert.match(
    await run(place + session),
    /^1 \d+ \S+ zoe@example\.com Pläne .*\n1 \S+ \d+ Pläne für das Café and the schedule\n.*\.pdf/,
  );
  assert.ok(readFileSync(join(folder, 'large.eml')).length >= sample.length);
  assert.equal(maildrop.count, 0);
  await server.close();
  assert.match(await run(rest[0]), /multipart\/mixed/);
  const [root, serve] = readFileSync(join(HERE, '../README.md'), 'utf8').match(/(?<=```js\n).*?(?=```)/gs);
  assert.match(await run(root), /^Pläne für das Café and the schedule zoe@example.com\n.*\.pdf 593\n/);
  assert.match(await run(rest[1]), /multipart\/related/);
  assert.match(await run(rest[2]), /^127\.0\.0\.1 \d+\n$/);
  // The server over the caller's own mail, with a client that reads and deletes it.
  const client = `
    const { Pop3 } = await import('popmail');
    const box = await Pop3.connect({
      host: server.host, port: server.port, user: 'me', password: 'secret', tls: 'none', allowCleartext: true,
    });
    for await (const mail of box) { console.log(mail.uid, mail.message.subject); mail.delete(); }
    await box.quit();
    console.log(letters.size);
  `;
  assert.match(await run(serve.replace('await server.close()', `${client}$&`)), /^127\.0\.0\.1 \d+\na1 Hello\n0\n$/);
  assert.match(await run(rest[3]), /pass 1\n[^]*fail 0\n/);
});
