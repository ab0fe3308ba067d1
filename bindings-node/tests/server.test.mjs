// `createServer`: against our own client, Python's poplib and curl, over real sockets.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { Maildir, MemoryMaildrop, Pop3, Pop3Error, Server, createServer } from '../dist/index.js';
import { certificate } from './support/certificates.mjs';
import { awkwardMessages, largeMessage, plainMessages } from './support/samples.mjs';

const run = promisify(execFile);
const tls = certificate();
const folder = mkdtempSync(join(tmpdir(), 'popmail-server-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'ca.pem'), tls.cert);

/** A server with the account `me`; clients that trust it. */
async function serving(maildrop, options = {}) {
  const log = [];
  const server = await createServer({
    accounts: { me: { password: 'secret', maildrop } },
    tls,
    limits: { failedLoginDelay: 10 },
    log: (level, text, error) => log.push({ level, text, error }),
    ...options,
  });
  const open = (more = {}) => {
    const { host, port } = server;
    const kind = options.tls === undefined && 'tls' in options ? 'none' : options.implicitTls === false ? 'starttls' : 'implicit';
    const clear = kind === 'none' ? { allowCleartext: true } : { tlsOptions: { ca: tls.cert } };
    return Pop3.connect({ host, port, user: 'me', password: 'secret', tls: kind, ...clear, ...more });
  };
  return { server, open, log };
}

const clear = { tls: undefined, allowCleartext: true };

function sameOctets(actual, expected, what) {
  assert.ok(Buffer.compare(actual, expected) === 0, `${what} differs`);
}

for (const [name, options] of Object.entries({ 'implicit TLS': {}, STLS: { implicitTls: false }, 'no TLS': clear })) {
  test(`every byte arrives as it was stored (${name})`, async () => {
    const messages = [...awkwardMessages(), ...plainMessages(100), largeMessage(5_000_000)];
    const maildrop = new MemoryMaildrop(messages);
    const { server, open } = await serving(maildrop, options);
    for (const auth of ['user-pass', 'plain', ...(name === 'STLS' ? [] : ['apop'])]) {
      const box = await open({ auth });
      let at = 0;
      for await (const mail of box) {
        sameOctets(mail.raw, messages[at], `message ${mail.number}`);
        assert.equal(mail.octets, messages[at].length);
        at += 1;
      }
      assert.equal(at, messages.length);
      await box.quit();
    }
    const box = await open();
    await box.dele(1);
    await box.quit();
    assert.equal(maildrop.count, messages.length - 1);
    await server.close();
  });
}

test('a Maildir is served, and what is deleted is gone', async () => {
  const path = join(folder, 'maildir');
  for (const name of ['', 'new', 'cur', 'tmp']) {
    mkdirSync(join(path, name));
  }
  const messages = plainMessages(20);
  messages.forEach((message, at) => writeFileSync(join(path, 'new', `${1_000 + at}.x`), message));
  const { server, open, log } = await serving(new Maildir(path));
  const box = await open();
  for await (const mail of box) {
    sameOctets(mail.raw, messages[mail.number - 1], `message ${mail.number}`);
    if (mail.number > 2) {
      mail.delete();
    }
  }
  // Between the listing and the reading a file may go.
  rmSync(join(path, 'new', '1000.x'));
  await assert.rejects(box.retr(1), /message is gone/);
  await box.quit();
  assert.deepEqual(readdirSync(join(path, 'new')).length + readdirSync(join(path, 'cur')).length, 1);
  assert.deepEqual(
    log.filter(({ level }) => level !== 'info'),
    [],
  );
  await server.close();
});

test('a folder that is no Maildir is told as trouble for now', async () => {
  const { server, open, log } = await serving(new Maildir(join(folder, 'nowhere')));
  await assert.rejects(open(), { code: 'POP3_ERR_AUTHENTICATION', verdict: 'retry_after' });
  assert.match(log.find(({ level }) => level === 'error').text, /cannot be opened/);
  await server.close();
});

test('a message that comes as a stream is served, and one that fails is no message', async () => {
  const maildrop = {
    entries: () => [
      { uid: 'a', octets: 8 },
      { uid: 'b', octets: 8 },
      { uid: 'c', octets: 8 },
    ],
    async *open(number) {
      if (number === 2) {
        throw new Error('the disk is broken');
      }
      yield Buffer.from('one\r\n');
      if (number === 3) {
        throw new Error('the disk broke');
      }
      yield Buffer.from('.\r\n');
    },
    commit: () => assert.fail('committed'),
  };
  const { server, open, log } = await serving(maildrop);
  const box = await open();
  assert.equal(String(await box.retr(1)), 'one\r\n.\r\n');
  await assert.rejects(box.retr(2), { code: 'POP3_ERR_COMMAND', responseCode: 'SYS/TEMP' });
  await box.dele(1);
  await assert.rejects(box.retr(3), { code: 'POP3_ERR_CONNECTION_LOST' });
  assert.deepEqual(
    log.filter(({ level }) => level === 'error').map(({ error }) => error.message),
    ['the disk is broken', 'the disk broke'],
  );
  await server.close();
});

test('one session at a time has a maildrop', async () => {
  const { server, open } = await serving(new MemoryMaildrop(['a: b\r\n\r\n']), clear);
  const first = await open();
  await assert.rejects(open(), { responseCode: 'IN-USE', verdict: 'retry_after' });
  // One that is ending is waited for.
  const second = open();
  await first.quit();
  await (await second).quit();
  await server.close();
});

test('a wrong password and an unknown user are told alike', async () => {
  const { server, open, log } = await serving(new MemoryMaildrop(), clear);
  const lines = [];
  for (const wrong of [{ password: 'no' }, { user: 'constructor' }, { user: 'you', auth: 'apop' }, { password: 'no', auth: 'plain' }]) {
    await assert.rejects(open(wrong), (error) => {
      lines.push(String(error.response));
      return error.code === 'POP3_ERR_AUTHENTICATION';
    });
  }
  assert.deepEqual(new Set(lines).size, 1);
  assert.equal(log.filter(({ level }) => level === 'warning').length, 4);
  assert.ok(!JSON.stringify(log).includes('"no"'));
  await server.close();
});

test('passwords in the clear need leave', async () => {
  await assert.rejects(createServer({ accounts: {} }), { code: 'POP3_ERR_USAGE_ARGUMENT' });
  await assert.rejects(createServer({ tls }), { code: 'POP3_ERR_USAGE_ARGUMENT' });
  await assert.rejects(createServer({ accounts: {}, tls, limits: { bad: 1 } }), /unknown limit/);
  await assert.rejects(createServer({ accounts: {}, tls, timeout: -1 }), /timeout must be/);
  await assert.rejects(createServer({ accounts: {}, tls, implicitTLS: false }), /unknown option "implicitTLS"/);
});

test('a client that goes away in a large message leaves the maildrop', async () => {
  const { server, open } = await serving(new MemoryMaildrop([largeMessage(50_000_000)]), clear);
  const box = await open();
  const reader = box.retrStream(1).getReader();
  await reader.read();
  box.close();
  await (await open()).quit();
  await server.close();
});

test('a client that is silent is logged out', async () => {
  const { server, open } = await serving(new MemoryMaildrop(), { ...clear, timeout: 300 });
  const box = await open();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await assert.rejects(box.noop(), { code: 'POP3_ERR_CONNECTION_LOST' });
  await server.close();
});

test('octets between STLS and TLS close the connection', async () => {
  const { server } = await serving(new MemoryMaildrop(), { implicitTls: false });
  const socket = connectTcp(server.port, server.host);
  socket.end('STLS\r\nCAPA\r\n');
  let said = '';
  socket.on('data', (octets) => {
    said += octets;
  });
  await once(socket, 'close');
  assert.match(said, /\r\n-ERR nothing may follow STLS but the TLS handshake\r\n$/);
  await server.close();
});

test('clients that speak no TLS, reset or say nothing harm nobody', async () => {
  for (const implicitTls of [true, false]) {
    const { server, open } = await serving(new MemoryMaildrop(['a: b\r\n\r\n']), { implicitTls });
    const sockets = ['GET / HTTP/1.0\r\n\r\n', 'STLS\r\n', '', '\x16\x03\x01'].map((octets) => {
      const socket = connectTcp(server.port, server.host);
      socket.on('error', () => {}).on('data', () => {});
      socket.write(octets);
      return socket;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await new Promise((resolve) => setTimeout(resolve, 20));
    sockets[1].resetAndDestroy();
    sockets[3].resetAndDestroy();
    const box = await open();
    assert.equal((await box.stat()).count, 1);
    await box.quit();
    await server.close();
  }
});

test('a server that stops tells its clients nothing and ends at once', async () => {
  const { server, open } = await serving(new MemoryMaildrop(['a: b\r\n\r\n']));
  const box = await open();
  const before = performance.now();
  await server[Symbol.asyncDispose]();
  // It waits for nobody: the timeout of a client is a matter of minutes.
  assert.ok(performance.now() - before < 10_000);
  await assert.rejects(box.stat(), { code: 'POP3_ERR_CONNECTION_LOST' });
  await assert.rejects(open(), { code: 'POP3_ERR_CONNECT' });
});

test('a server runs without a listener', async () => {
  const forth = new TransformStream();
  const back = new TransformStream();
  const server = new Server({
    accounts: new Map([['me', { password: 'secret', maildrop: new MemoryMaildrop(['a: b\r\n\r\n.\r\n']) }]]),
    allowCleartext: true,
  });
  const served = server.accept({ readable: forth.readable, writable: back.writable });
  const box = await Pop3.connect({
    transport: { readable: back.readable, writable: forth.writable },
    user: 'me',
    password: 'secret',
    tls: 'none',
    allowCleartext: true,
  });
  for await (const mail of box) {
    assert.equal(String(Buffer.from(mail.raw)), 'a: b\r\n\r\n.\r\n');
  }
  await box.quit();
  assert.equal(await served, 'quit');
});

test('nobody there, an abort and a timeout while connecting are told apart', async () => {
  const { server, open } = await serving(new MemoryMaildrop());
  await server.close();
  await assert.rejects(open(), (error) => {
    assert.ok(error instanceof Pop3Error);
    assert.match(error.message, /^cannot connect to 127\.0\.0\.1 port \d+: connect ECONNREFUSED/);
    return error.code === 'POP3_ERR_CONNECT' && error.cause.code === 'ECONNREFUSED';
  });
  // It accepts, and never answers the handshake.
  const deaf = await new Promise((resolve) => {
    import('node:net').then(({ createServer }) => {
      const listener = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1', () => resolve(listener));
    });
  });
  const { port } = deaf.address();
  await assert.rejects(open({ port, timeout: 30 }), { code: 'POP3_ERR_TIMEOUT' });
  const signal = AbortSignal.timeout(30);
  await assert.rejects(open({ port, signal }), (error) => error.name === 'AbortError' && error.cause === signal.reason);
  deaf.close();
});

test("Python's poplib reads, deletes and begins TLS", async () => {
  const messages = [...awkwardMessages(), ...plainMessages(3)].filter((message) => !message.includes('x'.repeat(3_000)));
  for (const implicitTls of [true, false]) {
    const maildrop = new MemoryMaildrop(messages);
    const { server } = await serving(maildrop, { implicitTls });
    const script = `
import poplib, ssl, sys, hashlib
context = ssl.create_default_context(cafile=sys.argv[1])
port, implicit = int(sys.argv[2]), sys.argv[3] == "true"
if implicit:
    box = poplib.POP3_SSL("127.0.0.1", port, context=context)
else:
    box = poplib.POP3("127.0.0.1", port)
    box.stls(context)
box.user("me"); box.pass_("secret")
count, octets = box.stat()
print(count, octets, len(box.list()[1]), len(box.uidl()[1]))
for number in range(1, count + 1):
    print(len(b"".join(line + b"\\n" for line in box.retr(number)[1])), len(box.top(number, 0)[1]))
box.dele(2)
print(box.quit())
`;
    const { stdout } = await run('python3', ['-c', script, join(folder, 'ca.pem'), server.port, implicitTls]);
    const lines = stdout.trim().split('\n');
    const octets = messages.reduce((sum, { length }) => sum + length, 0);
    assert.equal(lines[0], `${messages.length} ${octets} ${messages.length} ${messages.length}`);
    messages.forEach((message, at) => {
      // poplib cuts at every LF and drops the CRs.
      const lf = message.toString('latin1').replaceAll('\r\n', '\n').length;
      assert.equal(lines[at + 1].split(' ')[0], String(lf), `message ${at + 1}`);
    });
    assert.match(lines.at(-1), /\+OK/);
    assert.equal(maildrop.count, messages.length - 1);
    await server.close();
  }
});

test('curl reads over implicit TLS, STLS and APOP', async () => {
  const messages = [...awkwardMessages(), largeMessage(1_000_000)];
  for (const [scheme, implicitTls] of [
    ['pop3s', true],
    ['pop3', false],
  ]) {
    const { server } = await serving(new MemoryMaildrop(messages), { implicitTls });
    const curl = async (path, ...options) => {
      const url = `${scheme}://127.0.0.1:${server.port}/${path}`;
      const ways = ['--silent', '--show-error', '--ssl-reqd', '--cacert', join(folder, 'ca.pem'), '--user', 'me:secret'];
      const { stdout } = await run('curl', [...ways, ...options, url], { encoding: 'buffer', maxBuffer: 1e8 });
      return stdout;
    };
    assert.equal(String(await curl('')).trim().split('\r\n').length, messages.length);
    for (const [at, message] of messages.entries()) {
      sameOctets(await curl(at + 1), message, `message ${at + 1}`);
    }
    if (implicitTls) {
      sameOctets(await curl(1, '--login-options', 'AUTH=+APOP'), messages[0], 'message 1');
    }
    await server.close();
  }
});
