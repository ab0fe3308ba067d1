// What a message says beyond its text: the same in JavaScript as the vectors say, typed, kept.

import assert from 'node:assert/strict';
import test from 'node:test';

import { parse, textSpans, threads } from 'popmail';

const REPORT = [
  'List-Id: <a.example>',
  'Subject: Re: [a] hello',
  'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
  '',
  '--b',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns; y.example',
  '',
  'Final-Recipient: rfc822; ann@example.org',
  'Action: failed',
  '--b--',
  '',
].join('\r\n');

test('details are kept', () => {
  const message = parse(REPORT);
  const { details } = message;
  assert.equal(message.details, details);
  assert.equal(details.baseSubject, 'hello');
  assert.equal(details.mailingList.id, 'a.example');
  assert.equal(details.report.delivery.recipients[0].action, 'failed');
});

test('guesses of charsets say why', () => {
  const text = Uint8Array.from([0x0d, 0x0a, ...'Добрый день! Высылаю отчёт за май.'].map((char) => (typeof char === 'number' ? char : cp1251(char))));
  const { root } = parse(text);
  assert.equal(root.text, 'Добрый день! Высылаю отчёт за май.');
  assert.deepEqual(root.charsetGuess, { part: 0, header: null, charset: 'windows-1251', evidence: 'statistics', confident: true });
  assert.equal(parse('\r\nplain').root.charsetGuess, null);
});

function cp1251(char) {
  const code = char.codePointAt(0);
  if (char === 'ё') return 0xb8;
  return code < 0x80 ? code : code - 0x410 + 0xc0;
}

test('texts are taken apart in UTF-16 units', () => {
  const text = '😀 yes\n> why?\n-- \nAnn\n';
  const pieces = textSpans(text).map(({ kind, start, end }) => [kind, text.slice(start, end)]);
  assert.deepEqual(pieces, [['text', '😀 yes\n'], ['quote', '> why?\n'], ['signature', '-- \nAnn\n']]);
  assert.equal(parse(`\r\n${text}`).ownText, '😀 yes');
});

test('flowed text is unwrapped', () => {
  const message = parse('Content-Type: text/plain; format=flowed\r\n\r\none \r\ntwo\r\n');
  assert.equal(message.unwrappedText, 'one two\r\n');
  assert.equal(message.root.unwrappedText, 'one two\r\n');
});

test('signed content is exact', () => {
  const inner = 'Content-Type: text/plain\r\n\r\nHello \r\n';
  const raw = `Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n${inner}\r\n--b\r\n\r\nsig\r\n--b--\r\n`;
  for (const given of [raw, raw.replaceAll('\r\n', '\n')]) {
    const signed = parse(given).root.signedContent();
    assert.equal(new TextDecoder().decode(signed), inner);
  }
  assert.equal(parse(raw).parts[1].signedContent(), null);
});

test('cid references are resolved by the caller', () => {
  const raw = [
    'Content-Type: multipart/related; boundary=b',
    '',
    '--b',
    'Content-Type: text/html; charset=utf-8',
    '',
    "😀 <img src='cid:a@x'><img src='cid:gone'>",
    '--b',
    'Content-Type: image/png',
    'Content-ID: <a@x>',
    '',
    'x',
    '--b--',
    '',
  ].join('\r\n');
  const message = parse(raw);
  assert.equal(message.htmlWith(({ index }) => `/parts/${index}`), "😀 <img src='/parts/2'><img src='cid:gone'>");
  assert.equal(message.htmlWith(() => null), message.html);
  assert.equal(parse('\r\nplain').htmlWith(() => 'x'), null);
});

test('threads stand as they are shown', () => {
  const first = parse('Message-ID: <a@x>\r\nSubject: hi\r\n\r\n');
  const answer = parse('Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\nSubject: Re: hi\r\n\r\n');
  assert.deepEqual(threads([answer, first]).map(({ depth, message }) => [depth, message]), [[0, first], [1, answer]]);
  const lost = ['c', 'd'].map((id) => parse(`Message-ID: <${id}@x>\r\nReferences: <z@x>\r\n\r\n`));
  assert.deepEqual(threads(lost).map(({ depth, message }) => [depth, message]), [[0, null], [1, lost[0]], [1, lost[1]]]);
  assert.deepEqual(threads([]), []);
});

test('options change what is read', () => {
  const raw = 'Subject: one\r\nSubject: two\r\nX: 3\r\n\r\nbody';
  const last = parse(raw, { duplicates: 'last' });
  assert.deepEqual([parse(raw).subject, last.subject, last.toJSON().subject], ['one', 'two', 'two']);
  const limited = parse(raw, { limits: { headers: 1 } });
  assert.equal(limited.headers.length, 1);
  assert.ok(limited.defects.some(({ code }) => code === 'limit-reached'));
  for (const options of [{ duplicates: 'middle' }, { limits: { headers: -1 } }, { limits: { depth: 1.5 } }]) {
    assert.throws(() => parse(raw, options), { code: 'POP3_ERR_USAGE_ARGUMENT' });
  }
});
