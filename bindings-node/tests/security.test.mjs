// The checks S1 to S18 where they show in Node: the scenarios of the face, and those that need sockets
// or a server. The names are those of core/tests/security.rs.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer as listenTcp } from 'node:net';
import { after, test } from 'node:test';
import { connect as connectTls, createServer as listenTls } from 'node:tls';

import * as popmail from '../dist/index.js';
import { certificate } from './support/certificates.mjs';
import { security } from './support/security.mjs';

const { MemoryMaildrop, Pop3 } = popmail;
// Also where a test has failed: what listens keeps the process.
const servers = [];
after(() => Promise.all(servers.map((server) => server.close())));

async function createServer(options) {
  const server = await popmail.createServer(options);
  servers.push(server);
  return server;
}

const tls = certificate();
const tlsOptions = { ca: tls.cert };

security(popmail);

function serving(messages, options = {}) {
  const accounts = { me: { password: 'secret', maildrop: new MemoryMaildrop(messages) } };
  return createServer({ accounts, limits: { failedLoginDelay: 10 }, ...options });
}

/** What a server says on a connection of its own until it has said this. */
function talking({ host, port }) {
  const socket = connectTcp(port, host);
  let said = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1');
  socket.on('data', (octets) => {
    said += octets;
  });
  const until = async (end) => {
    while (!said.includes(end)) {
      await once(socket, 'data');
    }
    const [found] = [said];
    said = '';
    return found;
  };
  return { socket, until, left: () => said };
}

for (const residue of ['x', 'CAPA\r\n', 'USER me\r\nPASS secret\r\n']) {
  test(`s03 a server takes nothing between stls and tls (${JSON.stringify(residue)})`, async () => {
    const server = await serving(['Subject: a\r\n\r\n'], { tls, implicitTls: false });
    const { socket, until, left } = talking(server);
    await until('+OK');
    const ended = once(socket, 'close');
    socket.write(`STLS\r\n${residue}`);
    await ended;
    assert.match(left(), /^-ERR [^\r]*\r\n$/);
    await server.close();
  });
}

test('s07 a server says nothing that it was told', async () => {
  const server = await serving(['Subject: a\r\n\r\n'], { tls, implicitTls: false });
  const { socket, until } = talking(server);
  await until('\r\n');
  socket.write('\x1b[31mHACK +OK\r\n', 'latin1');
  const told = await until('\r\n');
  assert.match(told, /^-ERR/);
  assert.ok(!/HACK|\x1b/.test(told), told);
  socket.destroy();
  await server.close();
});

test('s07 a maildrop cannot put words into the mouth of a server', async () => {
  for (const uid of ['a\r\n.\r\n+OK', 'a b', '', 'x'.repeat(71)]) {
    const maildrop = { entries: () => [{ uid, octets: 4 }], open: () => 'a\r\n', commit: () => {} };
    const accounts = { me: { password: 'secret', maildrop } };
    const server = await createServer({ accounts, allowCleartext: true });
    const { host, port } = server;
    const clear = { tls: 'none', allowCleartext: true };
    await assert.rejects(Pop3.connect({ host, port, user: 'me', password: 'secret', ...clear }), (error) => {
      assert.ok(!String(error.response).includes('a\r\n'));
      return true;
    });
    await server.close();
  }
});

for (const message of ['.', '\n.\nx', 'a\r.\r\n.\r\n', '+OK\r\n.\r\n-ERR\r\n', '.\n', '\r\n.\r\n']) {
  test(`s08 no message ends its own transfer (${JSON.stringify(message)})`, async () => {
    const server = await serving([message, 'second\r\n'], { allowCleartext: true });
    const { host, port } = server;
    const box = await Pop3.connect({ host, port, user: 'me', password: 'secret', tls: 'none', allowCleartext: true });
    const lines = message.replace(/\r?\n/g, '\r\n');
    const seen = [];
    for await (const { raw } of box) {
      seen.push(Buffer.from(raw).toString('latin1'));
    }
    assert.deepEqual(seen, [lines.endsWith('\n') ? lines : `${lines}\r\n`, 'second\r\n']);
    await box.quit();
    await server.close();
  });
}

test('s12 a server whose store fails sends no terminator', async () => {
  const maildrop = {
    entries: () => [{ uid: 'a', octets: 100 }],
    async *open() {
      yield Buffer.from('Subject: a\r\n\r\nhalf');
      throw new Error('disk');
    },
    commit: () => {},
  };
  const server = await createServer({ accounts: { me: { password: 'secret', maildrop } }, tls });
  const { host, port } = server;
  const box = await Pop3.connect({ host, port, user: 'me', password: 'secret', tlsOptions });
  await assert.rejects(box.retr(1), { code: 'POP3_ERR_CONNECTION_LOST' });
  await server.close();
});

test('s13 a server does not tell who exists', async () => {
  const server = await serving([], { tls });
  const { host, port } = server;
  const told = [];
  for (const user of ['me', 'nobody']) {
    const options = { host, port, user, password: 'wrong', auth: 'user-pass', tlsOptions };
    await assert.rejects(Pop3.connect(options), (error) => {
      told.push([String(error.response), error.responseCode, error.verdict]);
      return error.code === 'POP3_ERR_AUTHENTICATION';
    });
  }
  assert.deepEqual(told[0], told[1]);
  assert.equal(told[0][2], 'bad_credentials');
  await server.close();
});

test('s14 a server bounds what a client can try', async () => {
  const limits = { failedLogins: 2, failedLoginDelay: 20, loginTimeout: 200 };
  const server = await serving([], { allowCleartext: true, limits });
  const guessing = talking(server);
  await guessing.until('+OK');
  const ended = once(guessing.socket, 'close');
  guessing.socket.write('USER me\r\nPASS a\r\nUSER me\r\nPASS b\r\nUSER me\r\nPASS secret\r\n');
  await ended;
  assert.equal(guessing.left().match(/-ERR/g).length, 2);
  const silent = talking(server);
  await once(silent.socket, 'close');
  await server.close();
});

for (const kind of ['implicit', 'starttls']) {
  test(`s17 tls for another protocol is refused (${kind})`, async () => {
    const speak = (socket) => socket.write('+OK ready\r\n');
    const server =
      kind === 'implicit'
        ? listenTls({ ...tls, ALPNProtocols: ['http/1.1'] }, (socket) => speak(socket.on('error', () => {})))
        : await startTlsServer(['http/1.1']);
    if (kind === 'implicit') {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    servers.push(server);
    const { port } = server.address();
    const options = { host: '127.0.0.1', port, user: 'me', password: 'secret', tls: kind };
    const alpn = { ...tlsOptions, ALPNProtocols: ['http/1.1'] };
    await assert.rejects(Pop3.connect({ ...options, tlsOptions: alpn }), (error) => {
      assert.match(error.message, /^no TLS with 127\.0\.0\.1 port \d+: it chose the protocol "http\/1\.1"$/);
      return error.code === 'POP3_ERR_TLS';
    });
    server.close();
  });
}

test('s17 the name of pop3 is offered in tls, and the server chooses it', async () => {
  const server = await serving([], { tls });
  const socket = connectTls({ host: server.host, port: server.port, ca: tls.cert, ALPNProtocols: ['pop3'] });
  await once(socket, 'secureConnect');
  assert.equal(socket.alpnProtocol, 'pop3');
  socket.destroy();
  const offered = [];
  const listener = listenTls({
    ...tls,
    ALPNCallback: ({ protocols }) => {
      offered.push(...protocols);
      return 'pop3';
    },
  });
  listener.on('secureConnection', (socket) => socket.on('error', () => {}).end('-ERR no\r\n'));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  servers.push(listener);
  const { port } = listener.address();
  const options = { host: '127.0.0.1', port, user: 'me', password: 'secret', tlsOptions };
  await assert.rejects(Pop3.connect(options), { code: 'POP3_ERR_GREETING_REFUSED' });
  assert.deepEqual(offered, ['pop3']);
  listener.close();
  await server.close();
});

/** A server that begins TLS with STLS, and offers these protocols. */
async function startTlsServer(protocols) {
  const { TLSSocket, createSecureContext } = await import('node:tls');
  const server = listenTcp((plain) => {
    plain.on('error', () => {});
    plain.write('+OK ready\r\n');
    const replies = ['+OK\r\nSTLS\r\n.\r\n', '+OK begin\r\n'];
    plain.on('data', function answer() {
      plain.write(replies.shift());
      if (replies.length === 0) {
        plain.off('data', answer);
        const ALPNProtocols = Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name)])));
        new TLSSocket(plain, { isServer: true, secureContext: createSecureContext(tls), ALPNProtocols }).on('error', () => {});
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

// What ties a login to the channel (RFC 5929, 9266).

for (const [version, name] of Object.entries({ 'TLSv1.3': 'tls-exporter', 'TLSv1.2': 'tls-unique' })) {
  test(`a login by SCRAM is tied to its channel (${version})`, async () => {
    let expected;
    let got;
    const listener = listenTls({ ...tls, minVersion: version, maxVersion: version }, (socket) => {
      expected =
        name === 'tls-exporter'
          ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
          : socket.getPeerFinished();
      socket.on('error', () => {});
      socket.write('+OK ready\r\n');
      socket.setEncoding('latin1');
      const answers = [
        () => '+OK\r\nSASL SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n.\r\n',
        () => '+ \r\n',
        (line) => {
          const first = Buffer.from(line, 'base64').toString();
          assert.ok(first.startsWith(`p=${name},,n=me,r=`), first);
          const challenge = `r=${first.split('r=')[1]}more,s=QSXCR+Q6sek8bf92,i=4096`;
          return `+ ${Buffer.from(challenge).toString('base64')}\r\n`;
        },
        (line) => {
          const last = Buffer.from(line, 'base64').toString();
          got = Buffer.from(last.slice(2, last.indexOf(',r=')), 'base64');
          return '-ERR no\r\n';
        },
      ];
      socket.on('data', (octets) => socket.write(answers.shift()(octets.trim())));
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    servers.push(listener);
    const { port } = listener.address();
    const options = { host: '127.0.0.1', port, user: 'me', password: 'secret', tlsOptions };
    await assert.rejects(Pop3.connect(options), { code: 'POP3_ERR_AUTHENTICATION' });
    assert.deepEqual(got, Buffer.concat([Buffer.from(`p=${name},,`), expected]));
    listener.close();
  });
}

test('a certificate gives the binding of its server', async () => {
  const { raw } = new X509Certificate(tls.cert);
  const { createRequire } = await import('node:module');
  const { serverEndPoint } = createRequire(import.meta.url)('../native.cjs');
  assert.deepEqual(Buffer.from(serverEndPoint(raw)), createHash('sha256').update(raw).digest());
  assert.equal(serverEndPoint(Buffer.from('no certificate')) ?? undefined, undefined);
});
