// The third module in Node: composing, old formats, mailbox files, and the adapters over it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { legacyVectors } from '../../bindings-node/tests/support/legacy.mjs';
import { Random } from '../../bindings-node/tests/support/random.mjs';
import { PostalMime, simpleParser } from '../dist/compat.js';
import initExtra, { Scanner, compose, composeSync, embeddedFiles, joinPartial, readMbox, readTnef } from '../dist/extra-node.js';
import init, { parse } from '../dist/node.js';
import { mimeVectors } from './mime-files.mjs';
import { checkScanner } from './scanner.mjs';

test('without its module nothing of it works', () => {
  assert.throws(() => composeSync({ from: 'a@example.com' }), { code: 'POP3_ERR_USAGE_STATE' });
});

await Promise.all([init(), initExtra()]);
legacyVectors({ embeddedFiles, joinPartial, parse, readMbox, readTnef });

const from = 'Ann <ann@example.com>';
const latin1 = (bytes) => Buffer.from(bytes).toString('latin1');

for (const { name, raw } of mimeVectors().filter(({ name }) => name.startsWith('sample-'))) {
  test(`the structure of ${name} is known while it arrives`, () =>
    checkScanner({ Scanner, parse }, raw, (what, actual, expected) => assert.deepEqual(actual, expected, what)));
}

test('what is composed is read back', async () => {
  const given = {
    from: { name: 'Zoë', address: 'zoe@example.com' },
    to: [from, { name: 'Größe', addresses: ['b@example.com'] }],
    subject: 'Pläne 日本語',
    text: 'Grüße\n',
    html: '<img src="cid:logo">',
    inline: { logo: { content: Uint8Array.of(1, 2, 255), filename: 'a.png' } },
    attachments: [new Blob(['blob']), { content: 'a;ä\n', filename: 'Übersicht.csv' }],
  };
  const message = parse(await compose(given));
  assert.equal(message.subject, given.subject);
  assert.deepEqual(message.to.map(({ group }) => group), [null, 'Größe']);
  assert.equal(message.text, 'Grüße\r\n');
  assert.deepEqual([...message.inline[0].content], [1, 2, 255]);
  assert.deepEqual(message.attachments.map(({ filename }) => filename), [null, 'Übersicht.csv']);
});

test('no value begins another field', () => {
  const setters = [
    (bad) => ({ subject: `Hi${bad}Bcc: x` }),
    (bad) => ({ to: { name: bad, address: 'a@example.com' } }),
    (bad) => ({ to: { address: `a${bad}@example.com` } }),
    (bad) => ({ to: { name: bad, addresses: [] } }),
    (bad) => ({ headers: { [`X${bad}`]: 'x' } }),
    (bad) => ({ headers: { X: bad } }),
    (bad) => ({ messageId: `a${bad}@b` }),
    (bad) => ({ inReplyTo: [`a${bad}@b`] }),
    (bad) => ({ references: [`a${bad}@b`] }),
    (bad) => ({ attachments: [{ content: '', filename: bad }] }),
    (bad) => ({ attachments: [{ content: '', contentType: `text/plain${bad}` }] }),
    (bad) => ({ attachments: [{ content: '', cid: `a${bad}` }] }),
  ];
  for (const bad of ['\r', '\n', '\0', '\x85', '\u2028', '\u2029']) {
    for (const set of setters) {
      assert.throws(() => composeSync({ from, ...set(bad) }), { name: 'Pop3Error', code: 'POP3_ERR_USAGE_ARGUMENT' });
    }
  }
  assert.throws(() => composeSync({ from, attachments: [{ path: 'x' }] }), /there are no files here/);
});

test('every leaf of a random tree comes back', () => {
  const words = ['a', 'ä', '日本', '😀', '=?', '"', '\\', '  ', '\r\n', 'From ', '.', '--=_'];
  const text = (random, most) => Array.from({ length: random.below(most) }, () => words[random.below(words.length)]).join('');
  const make = (random, depth) => {
    const given = { from, text: text(random, 60), attachments: [] };
    const leaves = [['text/plain', latin1(Buffer.from(given.text))]];
    for (let left = random.below(3); left > 0; left--) {
      const inner = depth > 0 && random.below(2) === 0 ? make(random, depth - 1) : undefined;
      const content = inner?.raw ?? Uint8Array.from({ length: random.below(200) }, () => random.below(256));
      const contentType = inner === undefined ? 'application/octet-stream' : 'message/rfc822';
      given.attachments.push({ content, contentType, filename: 'x' });
      leaves.push([contentType, latin1(content)], ...(inner?.leaves ?? []));
    }
    return { raw: composeSync(given), leaves };
  };
  for (let seed = 1n; seed <= 25n; seed++) {
    const { raw, leaves } = make(new Random(seed), 2);
    const found = parse(raw).parts.filter((part) => !part.isMultipart);
    assert.deepEqual(found.map(({ contentType, content }) => [contentType, latin1(content)]), leaves, `seed ${seed}`);
  }
});

test('the adapters work over this engine', async () => {
  const raw = readFileSync(new URL('../../examples/mail/04-complete.eml', import.meta.url));
  const [mail, email] = await Promise.all([simpleParser(raw), PostalMime.parse(raw)]);
  assert.equal(mail.subject, 'Pläne für das Café and the schedule');
  assert.equal(email.attachments[1].filename, 'Pläne für das Café.pdf');
  assert.equal(mail.attachments[0].checksum, undefined);
});
