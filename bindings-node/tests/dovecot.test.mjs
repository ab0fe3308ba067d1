// `Pop3` against a real server: Dovecot, over implicit TLS, STLS and APOP, byte for byte.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Pop3, Pop3Error } from '../dist/index.js';
import { Dovecot } from './support/dovecot.mjs';
import { awkwardMessages, largeMessage, plainMessages } from './support/samples.mjs';

const WAYS = ['implicit TLS', 'STLS', 'APOP in clear'];

let dovecot;
before(async () => {
  dovecot = await Dovecot.start();
});
after(() => dovecot?.stop());

function open({ user, password }, way = 'implicit TLS', options = {}) {
  const { host, port, tlsPort, ca } = dovecot;
  const ways = {
    'implicit TLS': { port: tlsPort, tlsOptions: { ca } },
    STLS: { port, tls: 'starttls', tlsOptions: { ca } },
    'APOP in clear': { port, tls: 'none', auth: 'apop' },
  };
  return Pop3.connect({ host, user, password, ...ways[way], ...options });
}

async function all(messages) {
  const seen = [];
  for await (const mail of messages) {
    seen.push(mail);
  }
  return seen;
}

function sameOctets(actual, expected, what) {
  assert.ok(Buffer.compare(actual, expected) === 0, `${what} differs`);
}

for (const way of WAYS) {
  for (const pipelining of [true, false]) {
    test(`every byte arrives as it was stored (${way}, ${pipelining ? 'pipelined' : 'one by one'})`, async () => {
      const messages = awkwardMessages();
      const mailbox = dovecot.mailbox(messages);
      const box = await open(mailbox, way, { pipelining });
      const octets = messages.reduce((sum, { length }) => sum + length, 0);
      assert.deepEqual(await box.stat(), { count: messages.length, octets });
      assert.deepEqual(
        (await box.list()).map((entry) => entry.octets),
        messages.map(({ length }) => length),
      );
      for (const [at, mail] of (await all(box)).entries()) {
        sameOctets(mail.raw, messages[at], `message ${mail.number}`);
        sameOctets(await box.retr(mail.number), messages[at], `message ${mail.number}`);
      }
      assert.deepEqual(
        (await all(box.fetch([3, 1]))).map(({ number }) => number),
        [3, 1],
      );
      await box.quit();
      assert.equal(mailbox.contents().length, messages.length);
    });
  }

  test(`500 messages, one of them of 30 MiB (${way})`, async () => {
    const messages = plainMessages(499);
    messages.splice(250, 0, largeMessage(30 * 1024 * 1024));
    const box = await open(dovecot.mailbox(messages), way);
    let count = 0;
    for await (const mail of box) {
      sameOctets(mail.raw, messages[count], `message ${mail.number}`);
      count += 1;
    }
    assert.equal(count, 500);
    const chunks = [];
    for await (const chunk of box.retrStream(251)) {
      chunks.push(chunk);
    }
    sameOctets(Buffer.concat(chunks), messages[250], 'the stream');
    await box.quit();
  });

  test(`deletions take effect at QUIT (${way})`, async () => {
    const messages = plainMessages(5);
    const mailbox = dovecot.mailbox(messages);
    const box = await open(mailbox, way);
    await box.dele(2);
    for await (const mail of box.fetch([4])) {
      mail.delete();
    }
    assert.deepEqual(mailbox.contents(), messages);
    await box.quit();
    assert.deepEqual(mailbox.contents(), [messages[0], messages[2], messages[4]]);
  });
}

test('TOP gives the headers and so many lines', async () => {
  const box = await open(dovecot.mailbox([Buffer.from('Subject: a\r\n\r\n.one\r\ntwo\r\nthree\r\n')]));
  assert.equal(String(await box.top(1)), 'Subject: a\r\n\r\n');
  assert.equal(String(await box.top(1, 2)), 'Subject: a\r\n\r\n.one\r\ntwo\r\n');
  await box.quit();
});

test('RSET and a dropped connection take the deletions back', async () => {
  const messages = plainMessages(2);
  const mailbox = dovecot.mailbox(messages);
  const box = await open(mailbox);
  await box.dele(1);
  await box.rset();
  await box.quit();
  const dropped = await open(mailbox);
  await dropped.dele(1);
  dropped.close();
  const last = await open(mailbox);
  assert.equal((await last.stat()).count, 2);
  await last.quit();
  assert.deepEqual(mailbox.contents(), messages);
});

test('uids are the same in every session', async () => {
  const mailbox = dovecot.mailbox(plainMessages(10));
  const first = await open(mailbox);
  const uids = await first.uidl();
  await first.dele(1);
  await first.quit();
  const second = await open(mailbox, 'STLS');
  assert.deepEqual(
    (await second.uidl()).map(({ uid }) => uid),
    uids.slice(1).map(({ uid }) => uid),
  );
  await second.quit();
});

const MECHANISMS = ['auto', 'user-pass', 'apop', 'plain', 'login', 'cram-md5', 'scram-sha-1', 'scram-sha-256'];

for (const auth of MECHANISMS) {
  for (const way of ['implicit TLS', 'STLS']) {
    test(`a login by ${auth}, with the right password and with a wrong one (${way})`, async () => {
      const mailbox = dovecot.mailbox([Buffer.from('Subject: in\r\n\r\n')]);
      if (auth === 'apop' && way === 'STLS') {
        await assert.rejects(open(mailbox, way, { auth }), /APOP cannot follow STLS/);
        return;
      }
      for (const initialResponse of [false, true]) {
        const box = await open(mailbox, way, { auth, initialResponse });
        assert.equal((await box.stat()).count, 1);
        assert.deepEqual(box.deviations, {});
        await box.quit();
      }
      await assert.rejects(open({ ...mailbox, password: 'incorrect' }, way, { auth }), (error) => {
        assert.equal(error.code, 'POP3_ERR_AUTHENTICATION');
        assert.ok(!error.message.includes('incorrect'));
        return true;
      });
    });
  }
}

for (const auth of ['auto', 'apop', 'cram-md5', 'scram-sha-1', 'scram-sha-256']) {
  test(`a login by ${auth} hides the password and needs no TLS`, async () => {
    const mailbox = dovecot.mailbox([Buffer.from('Subject: in\r\n\r\n')]);
    const lines = [];
    const trace = (_, line) => lines.push(line);
    const box = await open(mailbox, 'APOP in clear', { auth, trace });
    assert.equal((await box.stat()).count, 1);
    await box.quit();
    assert.ok(!lines.join('\n').includes(mailbox.password));
  });
}

for (const way of ['implicit TLS', 'STLS']) {
  test(`certificates of another host and of an unknown authority are refused (${way})`, async () => {
    const mailbox = dovecot.mailbox();
    for (const options of [{ host: dovecot.otherHost }, { tlsOptions: {} }]) {
      await assert.rejects(open(mailbox, way, options), (error) => {
        assert.ok(error instanceof Pop3Error);
        assert.equal(error.code, 'POP3_ERR_TLS');
        assert.ok(error.cause instanceof Error);
        assert.match(error.message, /^no TLS with 127\.0\.0\.\d port \d+: /);
        return true;
      });
    }
  });
}

test('TLS where none is spoken is told so', async () => {
  await assert.rejects(open(dovecot.mailbox(), 'implicit TLS', { port: dovecot.port }), (error) => {
    assert.equal(error.code, 'POP3_ERR_TLS');
    assert.match(error.message, /does not speak TLS there/);
    return true;
  });
});

test('an error reply leaves the session usable', async () => {
  const messages = plainMessages(1);
  const box = await open(dovecot.mailbox(messages));
  await assert.rejects(box.retr(7), { code: 'POP3_ERR_COMMAND', fatal: false });
  sameOctets(await box.retr(1), messages[0], 'message 1');
  await box.quit();
});
