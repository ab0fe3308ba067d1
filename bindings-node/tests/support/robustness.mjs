// A session with a server that fails at every octet of what it says: no hang, no unhandled rejection,
// the right error, and the connection closed. The same for every package that has the face.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLEAR, GREETING, SILENCE, Script, collected, streams, text } from './scripted.mjs';

/** All that a server says in one session, one reply a read. */
const DIALOGUE = [
  GREETING,
  '+OK\r\nUSER\r\nPIPELINING\r\nUIDL\r\n.\r\n',
  '+OK\r\n+OK in\r\n',
  '+OK\r\nPIPELINING\r\n.\r\n',
  '+OK 1 17\r\n+OK\r\n',
  '+OK\r\n1 17\r\n.\r\n+OK\r\n1 uid.1\r\n.\r\n',
  '+OK\r\nA: b\r\n\r\n..\r\n\r\n..x\r\n.\r\n',
  '+OK\r\nA: b\r\n\r\n..\r\n\r\n..x\r\n.\r\n',
  '+OK\r\nA: b\r\n\r\n.\r\n',
  '+OK\r\n',
  '+OK bye\r\n',
];
const MESSAGE = 'A: b\r\n\r\n.\r\n\r\n.x\r\n';

/** That session, each of its commands once. */
async function session(Pop3, transport, options) {
  const box = await Pop3.connect({ ...CLEAR, transport, ...options });
  const seen = {};
  [seen.stat] = await Promise.all([box.stat(), box.noop()]);
  for await (const { number, uid, octets, raw } of box) {
    seen.mail = [number, uid, octets, text(raw)];
  }
  seen.stream = await collected(box.retrStream(1));
  seen.top = text(await box.top(1));
  await box.dele(1);
  await box.quit();
  return seen;
}

const SEEN = {
  stat: { count: 1, octets: 17 },
  mail: [1, 'uid.1', 17, MESSAGE],
  stream: MESSAGE,
  top: 'A: b\r\n\r\n',
};

/** Every place inside what the server says, as what came before and what was to come. */
function* cuts() {
  for (const [at, reply] of DIALOGUE.entries()) {
    for (let octets = 0; octets < reply.length; octets += 1) {
      const before = [...DIALOGUE.slice(0, at), reply.slice(0, octets)].filter(Boolean);
      yield { before, after: [reply.slice(octets), ...DIALOGUE.slice(at + 1)], where: `octet ${octets} of reply ${at}` };
    }
  }
}

/** Defines the tests for the face of one package. */
export function robustness({ Pop3, Pop3Error, AbortError }) {
  const shapes = { calls: (script) => script, streams };

  /** The session over a server that says this, in both shapes of a transport, from every cut. */
  async function everywhere(saying, check, options = () => ({})) {
    for (const [shape, shaped] of Object.entries(shapes)) {
      const all = Array.from(cuts(), async (cut) => {
        const scripted = saying(cut);
        const script = new Script(scripted.replies);
        const given = { ...options(), ...scripted.options };
        const result = await session(Pop3, shaped(script), given).then(
          (seen) => ({ seen }),
          (error) => ({ error }),
        );
        const where = `${shape}, ${cut.where}: ${result.error?.stack ?? 'no error'}`;
        check(result, where);
        assert.ok(script.closed, `${where}: the transport is still open`);
      });
      await Promise.all(all);
    }
  }

  const fails = (...codes) => ({ error }, where) => {
    assert.ok(error instanceof Pop3Error, where);
    assert.equal(error.fatal, true, where);
    // Between two commands it is the next one that tells.
    const { code } = error.code === 'POP3_ERR_USAGE_CLOSED' ? error.cause : error;
    assert.ok(codes.includes(code), where);
  };

  test('a dialogue that is split at any octet is the same dialogue', () =>
    everywhere(
      ({ before, after }) => ({ replies: [...before, ...after] }),
      ({ seen }, where) => assert.deepEqual(seen, SEEN, where),
    ));

  test('a dialogue that comes octet by octet is the same dialogue', async () => {
    for (const shaped of Object.values(shapes)) {
      const seen = await session(Pop3, shaped(new Script(DIALOGUE.flatMap((reply) => [...reply]))));
      assert.deepEqual(seen, SEEN);
    }
  });

  test('a server that closes at any octet is a lost connection', () =>
    everywhere(({ before }) => ({ replies: before }), fails('POP3_ERR_CONNECTION_LOST')));

  test('a connection that breaks at any octet keeps its cause', () => {
    const cause = new Error('read ECONNRESET');
    return everywhere(
      ({ before }) => ({ replies: [...before, cause] }),
      (result, where) => {
        fails('POP3_ERR_CONNECTION_LOST')(result, where);
        assert.equal(result.error.cause, cause, where);
      },
    );
  });

  test('a server that stalls at any octet is a timeout', () =>
    everywhere(({ before }) => ({ replies: [...before, SILENCE] }), fails('POP3_ERR_TIMEOUT'), () => ({ timeout: 25 })));

  test('garbage at any octet breaks the rules of the protocol, or the connection ends in it', () =>
    everywhere(
      // In the middle of a message, of a uid or of a status text every octet may stand.
      ({ before }) => ({ replies: [...before, '\0\xff\xfe*\r\n220 garbage\r\n\x01'] }),
      (result, where) => {
        if (result.seen === undefined) {
          fails('POP3_ERR_MALFORMED_REPLY', 'POP3_ERR_UNSOLICITED_REPLY', 'POP3_ERR_CONNECTION_LOST')(result, where);
        } else {
          // In the words of the very last answer.
          assert.match(where, /, octet \d+ of reply 10:/);
          assert.deepEqual(result.seen, SEEN);
        }
      },
    ));

  test('garbage without end is bounded wherever the protocol has lines', () => {
    const endless = ['x'.repeat(5_000), 'x'.repeat(5_000), 'x'.repeat(5_000)];
    return everywhere(
      ({ before }) => ({ replies: [...before, ...endless] }),
      fails(
        'POP3_ERR_LIMIT_STATUS_LINE',
        'POP3_ERR_LIMIT_LISTING_LINE',
        'POP3_ERR_LIMIT_CAPABILITIES',
        'POP3_ERR_MALFORMED_REPLY',
        'POP3_ERR_UNSOLICITED_REPLY',
        'POP3_ERR_CONNECTION_LOST',
      ),
    );
  });

  test('an abort at any octet closes the connection and says so', () =>
    everywhere(
      ({ before }) => {
        const controller = new AbortController();
        const abort = () => controller.abort(new Error('enough'));
        return { replies: [...before, abort], options: { signal: controller.signal } };
      },
      ({ error }, where) => {
        assert.ok(error instanceof AbortError, where);
        assert.equal(error.cause.message, 'enough', where);
        assert.match(error.message, /the connection to pop\.example\.com port 110 is closed/, where);
      },
    ));

  test('a reader that stops at any octet of a stream leaves a session that says what it is', async () => {
    const reply = '+OK\r\nA: b\r\n\r\n..\r\n.\r\n';
    for (let octets = 1; octets < reply.length; octets += 1) {
      const script = new Script([...DIALOGUE.slice(0, 4), reply.slice(0, octets), SILENCE]);
      const box = await Pop3.connect({ ...CLEAR, transport: script });
      const reader = box.retrStream(1).getReader();
      const reading = reader.read();
      await new Promise((resolve) => setTimeout(resolve));
      await reader.cancel();
      await reading.catch((error) => assert.equal(error.code, 'POP3_ERR_USAGE_CLOSED'));
      assert.ok(script.closed);
      await assert.rejects(box.stat(), { code: 'POP3_ERR_USAGE_CLOSED' });
    }
  });
}
