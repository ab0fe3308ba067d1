// `Pop3` over real sockets, TCP and TLS, with a server that fails: no hang, no unhandled rejection, the
// right error, and no socket left open.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer as listenTcp } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket, createSecureContext } from 'node:tls';

import { Pop3, Pop3Error } from '../dist/index.js';
import { certificate } from './support/certificates.mjs';
import { collected } from './support/scripted.mjs';

const tls = certificate();
const secureContext = createSecureContext(tls);
const listeners = [];
const everything = new Set();
// Also where a test has failed: what is open keeps the process.
after(() => {
  listeners.forEach((listener) => listener.close());
  everything.forEach((socket) => socket.destroy());
});

const GREETING = '+OK ready\r\n';
const CAPA = '+OK\r\nUSER\r\nPIPELINING\r\nSTLS\r\n.\r\n';
const REPLIES = {
  CAPA,
  USER: '+OK\r\n',
  PASS: '+OK in\r\n',
  RETR: '+OK\r\nA: b\r\n\r\n..\r\nc\r\n.\r\n',
  QUIT: '+OK bye\r\n',
};
const MESSAGE = 'A: b\r\n\r\n.\r\nc\r\n';

/** A server that hands each connection to `serve`; it knows whether all of them are closed. */
async function listening(serve) {
  const open = new Set();
  const listener = listenTcp((socket) => {
    open.add(socket);
    everything.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      open.delete(socket);
      everything.delete(socket);
    });
    serve(socket);
  });
  listeners.push(listener);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const allClosed = async () => {
    for (let turn = 0; open.size > 0; turn += 1) {
      assert.ok(turn < 500, 'a socket is still open');
      await delay(10);
    }
  };
  return { port: listener.address().port, allClosed };
}

/** Answers commands; `send(octets, verb)` writes what is due. */
function answering(socket, send, greeted = false) {
  let waiting = '';
  socket.on('error', () => {});
  socket.on('data', (octets) => {
    waiting += octets.toString('latin1');
    for (let end = waiting.indexOf('\n'); end >= 0; end = waiting.indexOf('\n')) {
      const verb = waiting.slice(0, end).trim().split(' ')[0];
      waiting = waiting.slice(end + 1);
      send(REPLIES[verb] ?? '-ERR\r\n', verb);
    }
  });
  if (!greeted) {
    send(GREETING, 'greeting');
  }
}

const WAYS = {
  TCP: {
    options: { tls: 'none', allowCleartext: true },
    serve: (behave) => (socket) => answering(socket, behave(socket)),
  },
  TLS: {
    options: { tls: 'implicit', tlsOptions: { ca: tls.cert } },
    serve: (behave) => (plain) => {
      const socket = new TLSSocket(plain, { isServer: true, secureContext });
      answering(socket, behave(socket, plain));
    },
  },
  STLS: {
    options: { tls: 'starttls', tlsOptions: { ca: tls.cert } },
    serve: (behave) => (plain) => {
      plain.write(GREETING);
      plain.once('data', () => {
        plain.write(CAPA);
        plain.once('data', () => {
          plain.removeAllListeners('data');
          plain.write('+OK begin\r\n', () => {
            const socket = new TLSSocket(plain, { isServer: true, secureContext });
            answering(socket, behave(socket, plain), true);
          });
        });
      });
    },
  },
};

/** One session that fetches one message. */
async function session(port, options) {
  const box = await Pop3.connect({ host: '127.0.0.1', port, user: 'me', password: 'secret', ...options });
  const raw = Buffer.from(await box.retr(1)).toString('latin1');
  const streamed = await collected(box.retrStream(1));
  await box.quit();
  return [raw, streamed];
}

/** Does `act` in place of what follows `octets` octets of the answer to a command. */
const failingAt = (verb, octets, act) => (socket, plain) => (reply, now) => {
  if (now === verb) {
    const before = reply.slice(0, octets);
    const then = () => act(socket, plain ?? socket);
    if (before === '') {
      then();
    } else {
      socket.write(before, 'latin1', then);
    }
  } else {
    socket.write(reply, 'latin1');
  }
};

const PLACES = [
  ['CAPA', 0],
  ['CAPA', 9],
  ['PASS', 3],
  ['RETR', 0],
  ['RETR', 5],
  ['RETR', 13],
  ['RETR', 20],
  ['RETR', 21],
  ['RETR', 22],
  ['QUIT', 2],
];

for (const [way, { options, serve }] of Object.entries(WAYS)) {
  test(`each octet in a packet of its own (${way})`, async () => {
    const server = await listening((socket) => {
      socket.setNoDelay(true);
      serve((to) => {
        let writing = Promise.resolve();
        return (reply) => {
          for (const octet of reply) {
            writing = writing.then(() => new Promise((resolve) => setImmediate(() => to.write(octet, 'latin1', resolve))));
          }
        };
      })(socket);
    });
    assert.deepEqual(await session(server.port, options), [MESSAGE, MESSAGE]);
  });

  /** The session fails as `check` says, wherever the server does this. */
  const everywhere = async (act, check, more = () => ({}), places = PLACES) => {
    await Promise.all(
      places.map(async ([verb, octets]) => {
        const server = await listening(serve(failingAt(verb, octets, act)));
        await assert.rejects(session(server.port, { ...options, ...more() }), (error) => {
          check(error, `${verb} ${octets}: ${error.stack}`);
          return true;
        });
        await server.allClosed();
      }),
    );
  };
  const lost = (error, where) => {
    assert.ok(error instanceof Pop3Error, where);
    assert.equal(error.code, 'POP3_ERR_CONNECTION_LOST', where);
    assert.equal(error.fatal, true);
  };

  // Where it ends instead of answering CAPA there is a second connection.
  const afterCapa = PLACES.filter(([verb]) => verb !== 'CAPA');

  test(`a server that closes is a lost connection (${way})`, () =>
    everywhere((socket) => socket.end(), lost, undefined, afterCapa));

  test(`a server that resets is a lost connection (${way})`, () =>
    everywhere((_, plain) => plain.resetAndDestroy(), lost, undefined, afterCapa));

  test(`a server that stalls is a timeout (${way})`, () =>
    everywhere(
      () => {},
      (error, where) => assert.equal(error.code, 'POP3_ERR_TIMEOUT', where),
      () => ({ timeout: 300 }),
    ));

  test(`a server that sends garbage breaks the rules (${way})`, () =>
    everywhere(
      (socket) => socket.end('\x01\xff* BYE\r\n220 garbage\r\n', 'latin1'),
      (error, where) =>
        assert.ok(
          ['POP3_ERR_MALFORMED_REPLY', 'POP3_ERR_UNSOLICITED_REPLY', 'POP3_ERR_CONNECTION_LOST'].includes(error.code),
          where,
        ),
      undefined,
      afterCapa,
    ));

  test(`an abort closes the socket (${way})`, async () => {
    const controllers = [];
    await everywhere(
      () => controllers.shift().abort(),
      (error, where) => assert.equal(error.name, 'AbortError', where),
      () => {
        const controller = new AbortController();
        const { signal } = controller;
        controllers.push(controller);
        return { signal };
      },
    );
  });
}

for (const way of ['TCP', 'TLS']) {
  test(`a server that closes on CAPA is asked again without it (${way})`, async () => {
    const { options, serve } = WAYS[way];
    for (const octets of [0, 9]) {
      const server = await listening(serve(failingAt('CAPA', octets, (socket) => socket.end())));
      const told = [];
      const onDeviation = (name) => told.push(name);
      assert.deepEqual(await session(server.port, { ...options, onDeviation }), [MESSAGE, MESSAGE]);
      assert.deepEqual(told, ['closed-on-capa']);
      await server.allClosed();
      const strict = session(server.port, { ...options, strict: true });
      await assert.rejects(strict, { code: 'POP3_ERR_MALFORMED_REPLY' });
    }
  });
}

for (const way of Object.keys(WAYS)) {
  test(`a socket of the caller's carries the session (${way})`, async () => {
    const { options, serve } = WAYS[way];
    const server = await listening(serve((socket) => (reply) => socket.write(reply)));
    const open = () => connectTcp(server.port, '127.0.0.1').pause();
    for (const socket of [open(), open, async () => open()]) {
      assert.deepEqual(await session(server.port, { ...options, socket }), [MESSAGE, MESSAGE]);
    }
    const odd = session(server.port, { ...options, socket: () => 'a socket' });
    await assert.rejects(odd, { code: 'POP3_ERR_USAGE_ARGUMENT', message: /socket must be a net\.Socket/ });
    await server.allClosed();
  });
}

test('a server that never begins TLS is a timeout, and one that speaks something else is told so', async () => {
  for (const [serve, code] of [
    [(socket) => socket.resume(), 'POP3_ERR_TIMEOUT'],
    [(socket) => socket.resume().write('+OK ready\r\n'), 'POP3_ERR_TLS'],
    [(socket) => socket.resume().end(), 'POP3_ERR_TLS'],
    [(socket) => socket.resetAndDestroy(), 'POP3_ERR_TLS'],
  ]) {
    const server = await listening(serve);
    const timeout = code === 'POP3_ERR_TIMEOUT' ? 300 : 30_000;
    await assert.rejects(session(server.port, { ...WAYS.TLS.options, timeout }), (error) => {
      // A reset may come before the connection counts as made.
      assert.ok([code, 'POP3_ERR_CONNECT'].includes(error.code), error.stack);
      return true;
    });
    await server.allClosed();
  }
});

test('an abort reaches a connection and a handshake that stall', async () => {
  const server = await listening((socket) => {
    socket.resume();
    setTimeout(() => controller.abort(), 50);
  });
  const controller = new AbortController();
  const { signal } = controller;
  await assert.rejects(session(server.port, { ...WAYS.TLS.options, signal }), { name: 'AbortError' });
  await server.allClosed();
});

test('a reader that is slow slows the server: a stream is not collected', async () => {
  const BLOCK = Buffer.from(`${'x'.repeat(62)}\r\n`.repeat(1_024));
  const MOST = 12 * 1024 * 1024;
  let sent = 0;
  const server = await listening((socket) =>
    answering(socket, (reply, verb) => {
      if (verb !== 'RETR') {
        socket.write(reply);
        return;
      }
      socket.write('+OK\r\n');
      const more = () => {
        while (!socket.destroyed && sent < 4 * MOST) {
          sent += BLOCK.length;
          if (!socket.write(BLOCK)) {
            socket.once('drain', more);
            return;
          }
        }
        socket.write('.\r\n');
      };
      more();
    }),
  );
  const { port } = server;
  const box = await Pop3.connect({ host: '127.0.0.1', port, user: 'me', password: 'secret', ...WAYS.TCP.options });
  const reader = box.retrStream(1).getReader();
  let got = (await reader.read()).value.length;
  let last = -1;
  // Until what both ends of the socket can hold is full.
  while (sent !== last) {
    last = sent;
    await delay(200);
  }
  assert.ok(sent < MOST, `${sent} octets were sent to a reader of ${got}`);
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    got += chunk.value.length;
  }
  assert.equal(got, sent);
  assert.ok(sent >= 4 * MOST);
  await box.quit();
});
