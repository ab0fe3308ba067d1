// Every program of examples/node, in a folder where the package is installed.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { MemoryMaildrop, Pop3, createServer } from '../dist/index.js';
import { makeCertificate } from './support/certificates.mjs';
import { HERE, install } from './support/install.mjs';
import { largeMessage } from './support/samples.mjs';
import { startProxy } from './support/socks.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const env = { ...process.env, POPMAIL_PASSWORD: 'secret' };

let folder;
let samples;
let certificate;
before(() => {
  ({ folder } = install());
  cpSync(join(ROOT, 'examples/node'), folder, { recursive: true, filter: (name) => !name.endsWith('package.json') });
  samples = readdirSync(join(ROOT, 'examples/mail'))
    .filter((name) => name.endsWith('.eml'))
    .sort()
    .map((name) => readFileSync(join(ROOT, 'examples/mail', name)));
  certificate = makeCertificate(folder);
});
after(() => rmSync(folder, { recursive: true }));

const wire = (message) => message.toString('latin1').replace(/\r?\n/g, '\r\n').replace(/([^\n])$/, '$1\r\n');

async function serving(messages) {
  const maildrop = new MemoryMaildrop(messages);
  const { cert, key } = certificate;
  const tls = { cert: readFileSync(cert), key: readFileSync(key) };
  const server = await createServer({ accounts: { me: { password: 'secret', maildrop } }, tls });
  const run = async (program, ...args) => {
    const place = ['--host', server.host, '--port', server.port, '--user', 'me', '--ca', cert];
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...place, ...args], { cwd: folder, env });
    return stdout;
  };
  return { maildrop, server, run };
}

test('fetch-to-files fetches what is new, and deletes only when told', async () => {
  const { maildrop, server, run } = await serving(samples);
  assert.match(await run('fetch-to-files.mjs', 'mail'), new RegExp(`\n${samples.length} new, 0 known\n$`));
  const files = readdirSync(join(folder, 'mail'));
  const messages = files.filter((name) => name.endsWith('.eml') && name.split('.').length === 2);
  assert.deepEqual(
    new Set(messages.map((name) => readFileSync(join(folder, 'mail', name), 'latin1'))),
    new Set(samples.map(wire)),
  );
  assert.ok(files.length > messages.length, 'attachments');
  assert.match(await run('fetch-to-files.mjs', 'mail'), new RegExp(`^0 new, ${samples.length} known\n$`));
  assert.equal(maildrop.count, samples.length);
  await run('fetch-to-files.mjs', '--delete', 'other');
  assert.equal(maildrop.count, 0);
  await server.close();
});

test('stream-largest writes the largest message into a file', async () => {
  const large = largeMessage(20_000_000);
  const { server, run } = await serving([...samples, large]);
  assert.match(await run('stream-largest.mjs', 'large.eml'), /octets in large\.eml/);
  assert.ok(Buffer.compare(readFileSync(join(folder, 'large.eml')), large) === 0);
  await server.close();
});

test('socks-proxy lists a mailbox through a proxy, which looks up the name', async () => {
  for (const name of ['socks', 'smart-buffer', 'ip-address']) {
    symlinkSync(join(HERE, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const { server, run } = await serving(samples);
  const proxy = await startProxy();
  // The last of each option counts.
  const said = await run('socks-proxy.mjs', '--host', 'localhost', '--proxy', `127.0.0.1:${proxy.port}`);
  assert.equal(said.trimEnd().split('\n').length, samples.length);
  assert.match(said, /^1 \d+ /);
  assert.deepEqual(proxy.asked, [`localhost:${server.port}`]);
  proxy.close();
  await server.close();
});

test('serve-folder serves the files of a folder, and removes what is deleted', async () => {
  cpSync(join(ROOT, 'examples/mail'), join(folder, 'served'), { recursive: true });
  const { cert, key } = certificate;
  const args = ['serve-folder.mjs', '--user', 'me', '--port', '0', '--cert', cert, '--key', key, 'served'];
  const program = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  while (!/serving served on \S+ port (\d+)/.test(said)) {
    said += (await once(program.stdout, 'data'))[0];
  }
  program.stdout.resume();
  const port = Number(/port (\d+)\n$/.exec(said)[1]);
  const tlsOptions = { ca: readFileSync(cert) };
  const box = await Pop3.connect({ host: '127.0.0.1', port, user: 'me', password: 'secret', tlsOptions });
  for await (const mail of box) {
    assert.equal(Buffer.from(mail.raw).toString('latin1'), wire(samples[mail.number - 1]));
    assert.equal(mail.octets, mail.raw.length);
    if (mail.number === 1) {
      mail.delete();
    }
  }
  await box.quit();
  assert.equal(readdirSync(join(folder, 'served')).filter((name) => name.endsWith('.eml')).length, samples.length - 1);
  const ended = once(program, 'exit');
  program.kill('SIGINT');
  assert.deepEqual(await ended, [0, null]);
});

test('the tests of faults pass with node --test', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', 'faults.test.mjs'], {
    cwd: folder,
    // Else node takes it for a part of this run.
    env: { ...env, NODE_TEST_CONTEXT: undefined },
  });
  assert.match(stdout, /^# pass 10$/m);
  assert.match(stdout, /^# fail 0$/m);
});
