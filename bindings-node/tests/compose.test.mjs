// Composing: what goes in comes back by `parse`, by mailparser and by postal-mime, and nothing else does.

import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { simpleParser } from 'mailparser';
import PostalMime from 'postal-mime';

import { Pop3Error, compose, composeSync, parse } from 'popmail';

import { Random } from './support/random.mjs';

const BREAKS = ['\r', '\n', '\r\n', '\0', '\x85', '\u2028', '\u2029', '\x1b', '\x0b', '\x7f'];
const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0xff);
const COMPLETE = readFileSync(new URL('../../examples/mail/04-complete.eml', import.meta.url));
const from = 'Ann <ann@example.com>';
const ascii = (bytes) => bytes.every((byte) => byte < 0x80);
const latin1 = (bytes) => Buffer.from(bytes).toString('latin1');

const SETTERS = {
  from: (bad) => ({ from: `${bad} <a@example.com>` }),
  'to name': (bad) => ({ to: [{ name: bad, address: 'a@example.com' }] }),
  'to address': (bad) => ({ to: { address: `a${bad}@example.com` } }),
  cc: (bad) => ({ cc: [`a@example${bad}.com`] }),
  bcc: (bad) => ({ bcc: { address: `a@example.com${bad}` } }),
  replyTo: (bad) => ({ replyTo: `"${bad}" <a@example.com>` }),
  sender: (bad) => ({ sender: { name: bad, address: 'a@example.com' } }),
  group: (bad) => ({ to: { name: bad, addresses: ['a@example.com'] } }),
  subject: (bad) => ({ subject: `Hi${bad}Bcc: evil@example.com` }),
  'header name': (bad) => ({ headers: { [`X-A${bad}`]: 'x' } }),
  'header value': (bad) => ({ headers: [['X-A', `x${bad}Evil: x`]] }),
  messageId: (bad) => ({ messageId: `<a${bad}@example.com>` }),
  inReplyTo: (bad) => ({ inReplyTo: [`a@example.com${bad}`] }),
  references: (bad) => ({ references: ['a@b', `a@example.com>${bad}Evil: x`] }),
  filename: (bad) => ({ attachments: [{ content: 'x', filename: `a${bad}.txt` }] }),
  contentType: (bad) => ({ attachments: [{ content: 'x', contentType: `text/plain${bad}` }] }),
  parameter: (bad) => ({ attachments: [{ content: 'x', contentType: `a/b; x="${bad}"` }] }),
  cid: (bad) => ({ attachments: [{ content: 'x', cid: `a${bad}` }] }),
  inline: (bad) => ({ html: 'x', inline: { [`a${bad}Evil: x`]: PNG } }),
};

for (const [name, set] of Object.entries(SETTERS)) {
  test(`${name} takes nothing that could begin another field`, async () => {
    for (const bad of BREAKS) {
      const given = { from, text: 'x', ...set(bad) };
      const expected = (error) =>
        error instanceof Pop3Error && error.code === 'POP3_ERR_USAGE_ARGUMENT' && /expected/.test(error.message);
      assert.throws(() => composeSync(given), expected, JSON.stringify(bad));
      await assert.rejects(compose(given), expected, JSON.stringify(bad));
    }
  });
}

const subject = 'Pläne für das Café, 日本語の件名 and the schedule of the whole of next week, day by day';
const name = 'Größenübersicht mit einem langen Namen für das ganze Jahr 2026.pdf';
const html = '<p>Um neun? <img src="cid:logo"></p>\n';
const complete = () =>
  composeSync({
    from: { name: 'Zoë Harbour', address: 'zoe@example.com' },
    to: [from, { name: 'Größe & Co', addresses: ['Bob <bob@example.com>', { address: 'c@example.com' }] }],
    cc: '"Park, Ada" <ada@example.com>, mara@example.net',
    bcc: 'secret@example.com',
    subject,
    text: 'Um neun?\n-- \nZoë\n',
    html,
    inline: { logo: { content: PNG, filename: 'logo.png' } },
    attachments: [
      { content: new TextEncoder().encode('%PDF'), filename: name },
      { content: 'a;ä\n', filename: 'table.csv' },
    ],
    headers: { 'X-Mailer': 'ü' },
    date: { date: new Date('2026-05-04T07:30:00Z'), offsetMinutes: 120 },
    messageId: '<one@example.com>',
    inReplyTo: '<zero@example.com>',
    references: '<minus@example.com> <zero@example.com>',
  });

test('a complete message reads back', () => {
  const raw = complete();
  assert.ok(ascii(raw) && !latin1(raw).includes('secret'));
  const message = parse(raw);
  assert.deepEqual(message.defects, []);
  assert.equal(message.subject, subject);
  assert.deepEqual(message.from, [{ name: 'Zoë Harbour', address: 'zoe@example.com', group: null }]);
  assert.deepEqual(
    message.to.map((one) => one.group),
    [null, 'Größe & Co', 'Größe & Co'],
  );
  assert.deepEqual(message.zonedDate, { date: new Date('2026-05-04T07:30:00Z'), offsetMinutes: 120 });
  assert.equal(message.text, 'Um neun?\r\n-- \r\nZoë\r\n');
  assert.deepEqual(message.references, ['minus@example.com', 'zero@example.com']);
  assert.deepEqual(
    message.attachments.map((part) => part.filename),
    [name, 'table.csv'],
  );
  assert.equal(message.attachments[1].text, 'a;ä\n');
  assert.deepEqual([...message.inline[0].content], [...PNG]);
  assert.match(message.htmlWithInline(), /data:image\/png;base64,/);
});

test('mailparser reads a complete message back', async () => {
  const found = await simpleParser(Buffer.from(complete()), { keepCidLinks: true });
  assert.equal(found.subject, subject);
  assert.deepEqual(found.from.value, [{ name: 'Zoë Harbour', address: 'zoe@example.com' }]);
  assert.equal(found.to.value[1].name, 'Größe & Co');
  assert.equal(found.to.value[1].group.length, 2);
  assert.deepEqual(
    found.cc.value.map((one) => [one.name, one.address]),
    [
      ['Park, Ada', 'ada@example.com'],
      ['', 'mara@example.net'],
    ],
  );
  assert.equal(found.text, 'Um neun?\n-- \nZoë\n');
  assert.equal(found.html.trim(), html.trim());
  assert.equal(found.messageId, '<one@example.com>');
  assert.deepEqual(found.references, ['<minus@example.com>', '<zero@example.com>']);
  assert.equal(found.date.toISOString(), '2026-05-04T07:30:00.000Z');
  assert.deepEqual(
    found.attachments.map((one) => [one.contentType, one.filename, one.related ?? false, latin1(one.content)]),
    [
      ['image/png', 'logo.png', true, latin1(PNG)],
      ['application/pdf', name, false, '%PDF'],
      ['text/csv', 'table.csv', false, Buffer.from('a;ä\n').toString('latin1')],
    ],
  );
});

test('postal-mime reads a complete message back', async () => {
  const found = await PostalMime.parse(complete());
  assert.equal(found.subject, subject);
  assert.deepEqual(found.from, { name: 'Zoë Harbour', address: 'zoe@example.com' });
  assert.equal(found.to[1].group.length, 2);
  // It counts the line end before a delimiter as text.
  assert.equal(found.text, 'Um neun?\n-- \nZoë\n\n');
  assert.deepEqual(
    found.attachments.map((one) => [one.mimeType, one.filename, latin1(new Uint8Array(one.content))]),
    [
      ['image/png', 'logo.png', latin1(PNG)],
      ['application/pdf', name, '%PDF'],
      ['text/csv', 'table.csv', Buffer.from('a;ä\n').toString('latin1')],
    ],
  );
});

test('attachments come from whatever is at hand', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'popmail-'));
  try {
    const path = join(folder, 'Übersicht.PDF');
    writeFileSync(path, '%PDF');
    const inner = parse(COMPLETE);
    const blob = new Blob(['blob'], { type: 'text/x-blob' });
    async function* pieces() {
      yield new TextEncoder().encode('pie');
      yield 'ces';
    }
    const raw = await compose({
      from,
      text: 'x',
      attachments: [
        Buffer.from('buffer'),
        new TextEncoder().encode('array buffer').buffer,
        'ä text',
        { path },
        { path: pathToFileURL(path), filename: 'other.pdf' },
        createReadStream(path),
        new Response('web stream').body,
        pieces(),
        blob,
        new File(['file'], 'fïle.json', { type: '' }),
        inner,
        inner.attachments[0],
      ],
    });
    const octets = 'application/octet-stream';
    const part = inner.attachments[0];
    assert.deepEqual(
      parse(raw).attachments.map(({ contentType, filename, content }) => [contentType, filename, latin1(content)]),
      [
        [octets, null, 'buffer'],
        [octets, null, 'array buffer'],
        ['text/plain', null, Buffer.from('ä text').toString('latin1')],
        ['application/pdf', 'Übersicht.PDF', '%PDF'],
        ['application/pdf', 'other.pdf', '%PDF'],
        [octets, null, '%PDF'],
        [octets, null, 'web stream'],
        [octets, null, 'pieces'],
        ['text/x-blob', null, 'blob'],
        ['application/json', 'fïle.json', 'file'],
        ['message/rfc822', null, latin1(COMPLETE).replace(/\r?\n/g, '\r\n')],
        [part.contentType, part.filename, latin1(part.content)],
      ],
    );
    assert.equal(parse(composeSync({ from, attachments: [{ path }] })).attachments[0].filename, 'Übersicht.PDF');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what cannot be written is refused', async () => {
  const cases = [
    [{ from: [] }, /from: expected an address/],
    [{ from: ['a@b', 'c@d'] }, /sender: expected/],
    [{ to: 'nobody' }, /expected an address/],
    [{ to: '用户@例子.example' }, /SMTPUTF8/],
    [{ to: [7] }, /to: expected a string/],
    [{ date: new Date(NaN) }, /valid Date/],
    [{ date: { date: new Date(0), offsetMinutes: 100_000 } }, /date: expected/],
    [{ subject: 'half \ud83d' }, /surrogate/],
    [{ subject: 7 }, /subject: expected a string/],
    [{ headers: { Subject: 'x' } }, /set by subject/],
    [{ output: '9bit' }, /output must be one of/],
    [{ attachments: [7] }, /attachments: expected/],
    [{ attachments: [{}] }, /attachments: expected/],
    [{ attachments: [{ content: Uint8Array.of(0xff), contentType: 'message/rfc822' }], output: '7bit' }, /5\.2\.1/],
  ];
  for (const [given, expected] of cases) {
    const refused = { name: 'Pop3Error', code: 'POP3_ERR_USAGE_ARGUMENT', message: expected };
    assert.throws(() => composeSync({ from, text: 'x', ...given }), refused);
    await assert.rejects(compose({ from, text: 'x', ...given }), refused);
  }
  await assert.rejects(compose({ from, attachments: [{ path: '/nowhere/at/all' }] }), { code: 'ENOENT' });
});

test('an attached message stays as it is', () => {
  const inner = composeSync({ from, text: 'Grüße\n', output: '8bit' });
  const part = parse(composeSync({ from, attachments: [parse(inner)] })).attachments[0];
  assert.equal(part.transferEncoding, '8bit');
  assert.equal(latin1(part.content), latin1(inner));
  assert.equal(part.message.text, 'Grüße\r\n');
});

const WORDS = ['a', 'word', 'ä', '日本語', '😀', '=?', '?=', '"', '\\', ',', ';', '  ', '\r\n', 'From ', '.', '=', '--=_'];

function randomText(random, most) {
  return Array.from({ length: random.below(most) }, () => WORDS[random.below(WORDS.length)]).join('');
}

/** A message, and what its leaves should be. */
function randomMessage(random, depth) {
  const given = { from, subject: randomText(random, 20).replaceAll('\r\n', ' ') };
  const body = [];
  for (const [key, type] of [
    ['text', 'text/plain'],
    ['html', 'text/html'],
  ]) {
    if (random.below(3) > 0) {
      given[key] = randomText(random, 80);
      body.push([type, null, Buffer.from(given[key]).toString('latin1')]);
    }
  }
  const files = [];
  given.attachments = Array.from({ length: random.below(4) }, () => {
    const nested = depth > 0 && random.below(3) === 0;
    const filename = `x${randomText(random, 12).replace(/\r\n|\?/g, '_')}.bin`;
    const inner = nested ? randomMessage(random, depth - 1) : undefined;
    const content = inner?.raw ?? Uint8Array.from({ length: random.below(300) }, () => random.below(256));
    const contentType = nested ? 'message/rfc822' : 'application/octet-stream';
    files.push([contentType, filename, latin1(content)], ...(inner?.leaves ?? []));
    return { content, filename, contentType };
  });
  if (body.length + files.length === 0) {
    body.push(['text/plain', null, '']);
  }
  return { raw: composeSync(given), subject: given.subject, leaves: [...body, ...files] };
}

test('every leaf of a random tree comes back', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(BigInt(seed));
    const { raw, subject, leaves } = randomMessage(random, 2);
    const message = parse(raw);
    assert.equal(message.subject, subject, `seed ${seed}`);
    const found = message.parts
      .filter((part) => !part.isMultipart)
      .map(({ contentType, filename, content }) => [contentType, filename, latin1(content)]);
    assert.deepEqual(found, leaves, `seed ${seed}`);
    // Some of the names should not be used as they are.
    const defects = message.defects.filter(({ code }) => code !== 'unsafe-file-name');
    assert.deepEqual(defects, [], `seed ${seed}`);
  }
});
