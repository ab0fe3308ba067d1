// Repeated fetches: the planner's histories, the scenarios of the face, and the state on the disk.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import * as popmail from '../dist/index.js';
import { Random } from './support/random.mjs';
import { plainMessages } from './support/samples.mjs';
import { syncScenarios } from './support/sync-scenarios.mjs';
import { syncVectors } from './support/sync-vectors.mjs';

const { MemoryMaildrop, Pop3, SyncState, createServer } = popmail;
const folder = mkdtempSync(join(tmpdir(), 'popmail-sync-'));
const servers = [];
// Also where a test has failed: what listens keeps the process.
after(() => Promise.all(servers.map((server) => server.close())));
after(() => rmSync(folder, { recursive: true }));
let count = 0;
/** A file that no other test has. */
const fresh = () => join(mkdtempSync(join(folder, `${(count += 1)}-`)), 'state.json');

syncVectors(createRequire(import.meta.url)('../native.cjs'));
syncScenarios(popmail);

async function serving(messages) {
  const maildrop = new MemoryMaildrop(messages);
  const server = await createServer({ accounts: { me: { password: 'secret', maildrop } }, allowCleartext: true });
  servers.push(server);
  const { host, port } = server;
  const clear = { tls: 'none', allowCleartext: true };
  return { server, maildrop, open: () => Pop3.connect({ host, port, user: 'me', password: 'secret', ...clear }) };
}

async function fetched(box, state, rules) {
  const seen = [];
  for await (const { number } of box.fetchNew(state, rules)) {
    seen.push(number);
  }
  await box.quit();
  return seen;
}

test('each message comes once, and goes by the rules', async () => {
  const { server, maildrop, open } = await serving(plainMessages(30));
  const path = fresh();
  const all = Array.from({ length: 30 }, (_, at) => at + 1);
  for (const [rules, expected, left] of [
    [{}, all, 30],
    [{ deleteAfter: 1 }, [], 30],
    [{ deleteAfter: 0 }, [], 0],
  ]) {
    const state = await SyncState.open(pathToFileURL(path));
    assert.deepEqual(await fetched(await open(), state, rules), expected);
    await state.close();
    maildrop.refresh?.();
    assert.equal(maildrop.count, left);
  }
  await server.close();
});

test('the state is two files that nobody else may read', async () => {
  const { server, open } = await serving(plainMessages(2));
  const path = fresh();
  const state = await SyncState.open(path);
  await fetched(await open(), state);
  await state.close();
  const names = readdirSync(join(path, '..')).sort();
  assert.deepEqual(names, ['state.json', 'state.json.journal']);
  if (process.platform !== 'win32') {
    assert.deepEqual(
      names.map((name) => statSync(join(path, '..', name)).mode & 0o777),
      [0o600, 0o600],
    );
  }
  await server.close();
});

test('a second run is kept out, in this process and in another', async () => {
  const path = fresh();
  const state = await SyncState.open(path);
  const kept = { name: 'Pop3Error', code: 'POP3_ERR_USAGE_STATE', message: /another run is using .*state\.json/ };
  await assert.rejects(SyncState.open(path), kept);
  const program = `
    import { SyncState } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
    await SyncState.open(process.argv[1]).then(() => process.exit(0), (error) => { console.log(error.code); process.exit(3); });
  `;
  const other = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, path]);
  await assert.rejects(other(), (error) => error.code === 3 && error.stdout === 'POP3_ERR_USAGE_STATE\n');
  await state.close();
  await other();
});

test('a damaged file is refused by its name, and is not locked after it', async () => {
  const path = fresh();
  writeFileSync(path, '{"version":1');
  for (let turn = 0; turn < 2; turn += 1) {
    await assert.rejects(SyncState.open(path), /state\.json: the state is damaged.*remove it/);
  }
  assert.equal(readFileSync(path, 'utf8'), '{"version":1');
  await assert.rejects(SyncState.open(join(folder, 'nowhere', 'state.json')), /No such file/);
});

test('Python reads the state that Node has written', async () => {
  const { server, open } = await serving(plainMessages(3));
  const path = fresh();
  const state = await SyncState.open(path);
  const box = await open();
  const fetching = box.fetchNew(state);
  await (await fetching.next()).value.done();
  box.close();
  await state.close();
  const python = process.env['POPMAIL_PYTHON'] ?? new URL('../../.venv/bin/python', import.meta.url).pathname;
  const program = `
import sys, popmail
with popmail.SyncState(sys.argv[1]) as state, popmail.Pop3(sys.argv[2], int(sys.argv[3]), user="me", password="secret",
        tls="none", allow_cleartext=True) as box:
    print([mail.number for mail in box.fetch_new(state)], state.mailbox)
`;
  const { stdout } = await promisify(execFile)(python, ['-c', program, path, server.host, server.port]);
  assert.equal(stdout, `[2, 3] me@${server.host}:${server.port}\n`);
  const again = await SyncState.open(path);
  assert.deepEqual(await fetched(await open(), again), []);
  await again.close();
  await server.close();
});

test('a run that is killed at any moment loses no message and delivers none twice', async (context) => {
  const messages = plainMessages(300);
  const path = fresh();
  const delivered = join(path, '..', 'delivered');
  const { server, maildrop } = await serving(messages);
  const random = new Random();
  context.diagnostic(`POPMAIL_SEED=${random.seed}`);
  const program = new URL('./support/fetch-new-into-folder.mjs', import.meta.url).pathname;
  const args = [program, server.host, server.port, path, delivered];
  const there = () => (existsSync(delivered) ? readdirSync(delivered).length : 0);
  let kills = 0;
  while (maildrop.count > 0) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += text));
    if (kills < 12) {
      // When some files more are there, and a moment later.
      const target = there() + random.below(15);
      while (child.exitCode === null && there() < target) {
        await delay(1);
      }
      await delay(random.below(3));
      child.kill('SIGKILL');
    }
    const [code, signal] = await ended;
    assert.ok(code === 0 || signal === 'SIGKILL', stderr);
    kills += signal === 'SIGKILL' ? 1 : 0;
    maildrop.refresh();
  }
  await server.close();
  assert.equal(maildrop.count, 0);
  assert.ok(kills >= 3, `${kills} kills`);
  context.diagnostic(`${kills} kills`);
  const files = readdirSync(delivered).filter((name) => name.endsWith('.eml'));
  const found = files.map((name) => readFileSync(join(delivered, name), 'latin1')).sort();
  assert.deepEqual(found, messages.map((message) => message.toString('latin1')).sort());
});
