// `popmail/testing`, and what a server does for its host: functions, tokens, bounds, metrics, an mbox file.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Mbox, MemoryMaildrop, Pop3Error, createServer as listen } from '../dist/index.js';
import { createServer } from '../dist/testing.js';
import { certificate } from './support/certificates.mjs';

const messages = ['Subject: one\r\n\r\nfirst\r\n', '.dot\r\n.\r\n..\r\n'];
const clear = { tls: 'none', allowCleartext: true };
const LOGIN = 'USER me\r\nPASS secret\r\n';

/** Sends all at once, and gives what came until the server closed. */
async function said(server, text) {
  const socket = connectTcp(server.port, server.host);
  const chunks = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  socket.end(text);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

for (const [name, options] of Object.entries({
  'no TLS': {},
  STLS: { tls: certificate(), implicitTls: false },
  'implicit TLS': { tls: certificate() },
})) {
  test(`a server in one line serves and remembers (${name})`, async () => {
    const server = await createServer({ messages, ...options });
    const box = await server.connect();
    const got = [];
    for await (const mail of box) {
      got.push(Buffer.from(mail.raw).toString('latin1'));
    }
    assert.deepEqual(got, messages);
    await box.dele(1);
    await box.quit();
    assert.deepEqual(server.messages().map(String), messages.slice(1).map((text) => String(Buffer.from(text))));
    assert.deepEqual(server.requests.slice(-2), ['DELE 1', 'QUIT']);
    assert.ok(!server.requests.join().replaceAll('(secret)', '').includes('secret'));
    await server.close();
  });
}

test('every mechanism logs in, and a wrong secret does not', async () => {
  const server = await createServer({
    messages,
    tls: certificate(),
    token: 'ya29.x',
    mechanisms: ['scram-sha-256', 'cram-md5', 'plain', 'login', 'oauthbearer', 'xoauth2', 'apop'],
  });
  for (const auth of ['scram-sha-256', 'cram-md5', 'plain', 'login', 'apop', 'user-pass', 'oauthbearer', 'xoauth2']) {
    const secret = (value) => (/oauth/.test(auth) ? { token: value === 'secret' ? 'ya29.x' : value } : { password: value });
    await (await server.connect({ auth, ...secret('secret') })).quit();
    await assert.rejects(server.connect({ auth, ...secret('wrong') }), { code: 'POP3_ERR_AUTHENTICATION' }, auth);
  }
  await server.close();
});

test('a connection cut anywhere is told, and nothing is lost', async () => {
  for (let cutAfter = 0; cutAfter < 120; cutAfter += 13) {
    const server = await createServer({ messages, faults: { cutAfter } });
    const told = await said(server, `${LOGIN}STAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n`);
    if (!told.endsWith('+OK bye\r\n')) {
      assert.equal(told.length, cutAfter);
      assert.equal(server.messages().length, 2);
    }
    await server.close();
  }
});

test('octets after STLS and a close in place of -ERR are told apart', async () => {
  const injected = await createServer({
    tls: certificate(),
    implicitTls: false,
    faults: { stlsResidue: Buffer.from('+OK injected\r\n') },
  });
  await assert.rejects(injected.connect(), { code: 'POP3_ERR_STLS_INJECTION' });
  await injected.close();
  const closing = await createServer({ faults: { closeForErr: true } });
  await assert.rejects(closing.connect({ password: 'wrong' }), { code: 'POP3_ERR_CONNECTION_LOST' });
  await closing.close();
});

test('a delay runs into the timeout of the client', async () => {
  const server = await createServer({ messages, faults: { delay: 300 } });
  await assert.rejects(server.connect({ timeout: 50 }), { code: 'POP3_ERR_TIMEOUT' });
  await server.close();
});

test('options that cannot be are told', async () => {
  await assert.rejects(createServer({ messages: 'one' }), { code: 'POP3_ERR_USAGE_ARGUMENT' });
  const server = await createServer({ faults: { persona: 'nobody' } });
  assert.equal(await said(server, 'QUIT\r\n'), '');
  await server.close();
  await assert.rejects(listen({ accounts: () => undefined, allowCleartext: true, mechanisms: ['scram-sha-256'] }), {
    code: 'POP3_ERR_USAGE_ARGUMENT',
  });
});

// What a server does for its host.

test('a function lets clients in, to mail of its own', async () => {
  const maildrop = new MemoryMaildrop(messages);
  const seen = [];
  const server = await listen({
    allowCleartext: true,
    accounts: async (login) => {
      seen.push([login.user, login.password, login.secure, login.address]);
      return login.user === 'me' && login.verify('secret') ? maildrop : null;
    },
    limits: { failedLoginDelay: 0 },
  });
  assert.match(await said(server, `${LOGIN}CAPA\r\nQUIT\r\n`), /\+OK 2 messages\r\n[^]*\r\nSASL PLAIN LOGIN\r\n[^]*bye/);
  assert.match(await said(server, 'USER you\r\nPASS secret\r\n'), /-ERR \[AUTH\]/);
  assert.deepEqual(seen, [
    ['me', 'secret', false, '127.0.0.1'],
    ['you', 'secret', false, '127.0.0.1'],
  ]);
  await server.close();
});

test('guesses slow an address down, and are told', async () => {
  const told = [];
  const server = await listen({
    accounts: { me: { password: 'secret', maildrop: new MemoryMaildrop() } },
    allowCleartext: true,
    limits: { failedLoginDelay: 2, badCommandDelay: 0 },
    log: (level, text, error, fields) => told.push(fields),
  });
  for (let at = 0; at < 3; at += 1) {
    await said(server, 'USER me\r\nPASS guess\r\n'.repeat(3));
  }
  const failed = told.filter(({ event } = {}) => event === 'login_failed');
  assert.deepEqual(failed.map(({ fromAddress }) => fromAddress), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(failed.map(({ delay }) => Math.round(delay)), [2, 4, 8, 2, 8, 16, 18, 36, 68]);
  assert.ok(!JSON.stringify(told).includes('guess'));
  assert.equal(server.metrics().loginsFailed, 9);
  await server.close();
});

test('connections have a bound, and logins a least distance', async () => {
  const server = await listen({
    accounts: { me: { password: 'secret', maildrop: new MemoryMaildrop(messages) } },
    allowCleartext: true,
    maxConnectionsPerAddress: 1,
    loginDelay: 900,
  });
  const first = connectTcp(server.port, server.host);
  await once(first, 'data');
  assert.equal(await said(server, ''), '-ERR [SYS/TEMP] too many connections, try again later\r\n');
  first.destroy();
  while (server.metrics().sessions > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(await said(server, `${LOGIN}CAPA\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n`), /\r\nLOGIN-DELAY 900\r\n/);
  assert.match(await said(server, LOGIN), /-ERR \[LOGIN-DELAY\] /);
  const { connections, connectionsRefused, logins, messagesSent, messagesDeleted } = server.metrics();
  assert.deepEqual([connections, connectionsRefused, logins, messagesSent, messagesDeleted], [4, 1, 1, 1, 1]);
  await server.close();
});

test('an mbox file is served, and what is deleted is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'popmail-mbox-'));
  const path = join(folder, 'mbox');
  const [a, b] = ['a', 'b'].map((name) => `From x Mon May  4 09:30:00 2026\nSubject: ${name}\n\n>From ${name}\n\n`);
  writeFileSync(path, a + b);
  const serve = (maildrop) => listen({ accounts: { me: { password: 'secret', maildrop } }, allowCleartext: true });
  const readOnly = await serve(new Mbox(path, { readOnly: true }));
  assert.match(await said(readOnly, `${LOGIN}DELE 1\r\nQUIT\r\n`), /-ERR \[SYS\/TEMP\] some deleted messages/);
  await readOnly.close();
  const server = await serve(new Mbox(path));
  const told = await said(server, `${LOGIN}RETR 1\r\nDELE 1\r\nQUIT\r\n`);
  assert.ok(told.includes('Subject: a\r\n\r\nFrom a\r\n.\r\n') && told.endsWith('+OK bye\r\n'), told);
  assert.equal(readFileSync(path, 'latin1'), b);
  writeFileSync(`${path}.lock`, '1');
  assert.match(await said(server, LOGIN), /-ERR \[IN-USE\] /);
  await server.close();
  rmSync(folder, { recursive: true });
});

test('a maildrop that says that it is busy is in use', async () => {
  const busy = () => {
    throw Object.assign(new Error('a backup runs'), { code: 'EBUSY' });
  };
  const maildrop = { refresh: busy, entries: () => [], open: () => Buffer.alloc(0), commit: () => {} };
  const server = await listen({ accounts: { me: { password: 'secret', maildrop } }, allowCleartext: true });
  assert.match(await said(server, LOGIN), /-ERR \[IN-USE\] /);
  await server.close();
});

test('there is one class of errors in both entries', async () => {
  const server = await createServer({ messages });
  await assert.rejects(server.connect({ password: 'wrong', ...clear }), (error) => error instanceof Pop3Error);
  await server.close();
});
