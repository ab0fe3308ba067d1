// Tests of mail code against a server that misbehaves: node --test faults.test.mjs
//
// `newSubjects` stands for the code that is tested.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Pop3 } from 'popmail';
import { createServer } from 'popmail/testing';

const messages = ['Subject: one\r\n\r\n1\r\n', 'Subject: two\r\n\r\n.\r\n2\r\n'];

/** The subjects of all mail, which is deleted once it was read. */
async function newSubjects({ host, port, user, password }) {
  const box = await Pop3.connect({ host, port, user, password, tls: 'none', auth: 'user-pass', allowCleartext: true });
  const subjects = [];
  for await (const mail of box) {
    subjects.push(mail.message.subject);
    mail.delete();
  }
  await box.quit();
  return subjects;
}

async function serving(t, faults) {
  const server = await createServer({ messages, faults });
  t.after(() => server.close());
  return server;
}

test('mail is read and deleted', async (t) => {
  const server = await serving(t);
  assert.deepEqual(await newSubjects(server), ['one', 'two']);
  assert.deepEqual(server.messages(), []);
  assert.equal(server.requests.at(-1), 'QUIT');
});

for (const persona of ['ancient', 'dovecot', 'gmail', 'maillennium', 'office365', 'twisted', 'unix']) {
  test(`mail is read from a server like ${persona}`, async (t) => {
    const server = await serving(t, { persona });
    assert.deepEqual(await newSubjects(server), ['one', 'two']);
  });
}

test('what was cut is still there', async (t) => {
  for (const cutContentAfter of [0, 10, 20]) {
    const server = await serving(t, { cutContentAfter });
    await assert.rejects(newSubjects(server), { code: 'POP3_ERR_CONNECTION_LOST' });
    assert.equal(server.messages().length, 2);
  }
});

test('one octet at a time is as good as all at once', async (t) => {
  const server = await serving(t, { piece: 1 });
  assert.deepEqual(await newSubjects(server), ['one', 'two']);
});
