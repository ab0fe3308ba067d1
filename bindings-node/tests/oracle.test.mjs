// postal-mime and mailparser as oracles: where the readings differ, the reason is written here. A
// difference that is not listed fails, and so does one that is listed and gone.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

import { simpleParser } from 'mailparser';
import { parse } from 'popmail';
import PostalMime from 'postal-mime';

const root = new URL('../../', import.meta.url);
/** What is compared, here and in Python with `email`. */
const { addresses, dates, subjects } = JSON.parse(readFileSync(new URL('tests/oracle.json', root), 'utf8'));

async function compare(given, ours, theirs, agreed) {
  const found = new Map();
  for (const input of given) {
    const mine = ours(input);
    const other = await theirs(input);
    if (JSON.stringify(mine) !== JSON.stringify(other)) found.set(input, [mine, other]);
  }
  const listed = new Set(Object.keys(agreed));
  assert.deepEqual([...found].filter(([input]) => !listed.has(input)), []);
  assert.deepEqual([...listed].filter((input) => !found.has(input)), []);
}

const flat = (list) => (list ?? []).flatMap((one) => (Array.isArray(one.group) ? one.group : one));
const pairs = (list) => flat(list).map(({ name, address }) => [name ?? '', address ?? '']);
const ours = (value) => pairs(parse(`To: ${value}\r\n\r\n`).to);
const postal = (raw) => PostalMime.parse(raw);

test('addresses as postal-mime reads them', () =>
  compare(addresses, ours, async (value) => pairs((await postal(`To: ${value}\r\n\r\n`)).to), POSTAL_ADDRESSES));

test('addresses as mailparser reads them', () =>
  compare(addresses, ours, async (value) => pairs((await simpleParser(`To: ${value}\r\n\r\n`)).to?.value), MAILPARSER_ADDRESSES));

const subject = (value) => parse(`Subject: ${value}\r\n\r\n`).subject;

test('encoded words as postal-mime reads them', () =>
  compare(subjects, subject, async (value) => (await postal(`Subject: ${value}\r\n\r\n`)).subject ?? '', POSTAL_SUBJECTS));

test('encoded words as mailparser reads them', () =>
  compare(subjects, subject, async (value) => (await simpleParser(`Subject: ${value}\r\n\r\n`)).subject ?? '', MAILPARSER_SUBJECTS));

const seconds = (value) => parse(`Date: ${value}\r\n\r\n`).date?.toISOString() ?? null;

test('dates as postal-mime reads them', () =>
  compare(
    dates,
    seconds,
    async (value) => {
      const { date } = await postal(`Date: ${value}\r\n\r\n`);
      return date && !Number.isNaN(Date.parse(date)) ? new Date(date).toISOString() : null;
    },
    DATES,
  ));

test('dates as mailparser reads them', () =>
  compare(
    dates,
    seconds,
    async (value) => {
      const { date } = await simpleParser(`Date: ${value}\r\n\r\n`);
      // For a date that it cannot read it gives the present one.
      return date && Math.abs(date.getTime() - Date.now()) > 60_000 ? date.toISOString() : null;
    },
    DATES,
  ));

test('attachments of the samples as both read them', async () => {
  const folder = new URL('examples/mail/', root);
  const samples = readdirSync(folder).filter((name) => name.endsWith('.eml'));
  assert.ok(samples.length > 10);
  for (const name of samples) {
    const raw = readFileSync(new URL(name, folder));
    const message = parse(raw);
    const mine = [...message.attachments, ...message.inline].filter(({ contentType }) => contentType !== 'message/rfc822');
    // Both end the lines of text in their own way.
    const names = (list) =>
      list
        .map(({ filename, contentType, mimeType, content }) => [
          filename ?? null,
          (contentType ?? mimeType).startsWith('text/') ? 'text' : (content.length ?? content.byteLength),
        ])
        .sort();
    const theirs = (await PostalMime.parse(raw, { forceRfc822Attachments: true })).attachments;
    assert.deepEqual(names(theirs.filter(({ mimeType }) => mimeType !== 'message/rfc822')), names(mine), name);
    const others = (await simpleParser(raw)).attachments.filter(({ contentType }) => contentType !== 'message/rfc822');
    assert.deepEqual(names(others), names(mine), name);
  }
});

const NO_AT = 'one word is what was written as an address (RFC 8621 section 4.1.2.3); theirs is a name';
const TWO_AT = 'no address can be told, so none is given; what was written is shown as the name';
const EMPTY = 'an empty address is no mailbox';
const FABRICATED = 'an encoded word alone is a name: no address is made of it';
const SPACED = 'spaces around dots are obsolete syntax (RFC 5322 section 4.4), no part of the address';

const POSTAL_ADDRESSES = {
  '"quoted local"@example.com': 'without its quotes the address is another one',
  '"a@evil.com x"@good.com': 'without its quotes the address is another one',
  'Joe <@route.com,@b.com:joe@c.com>': 'a source route is no part of the address (RFC 5322 section 4.4)',
  'user@good.com(x)evil.com': 'a comment joins nothing: theirs goes to another domain',
  'a@b@c.com': TWO_AT,
  ann: NO_AT,
  '<>': EMPTY,
  'a . b @ example . com': SPACED,
  '=?utf-8?q?"x"_<evil@example.com>?=': FABRICATED,
};
const MAILPARSER_ADDRESSES = {
  'user@good.com(x)evil.com': 'the comment is shown as the name, as with old programs; the rest is a defect',
  'a@b@c.com': TWO_AT,
  ann: NO_AT,
  '<>': EMPTY,
  'a . b @ example . com': SPACED,
  '=?utf-8?q?"x"_<evil@example.com>?=': FABRICATED,
  'ann@xn--mller-kva.example': 'an address is what is written; Unicode is for showing it',
};
const CUT = 'an escape that is cut is no encoded word (RFC 2047 section 6.3): it is shown as written';
const CONTROL = 'control characters are left out of values, and a defect';
const LINE = 'an encoded line break becomes a space: a value is one line';
const POSTAL_SUBJECTS = {
  '=?x-unknown?q?a=E9?=': 'theirs takes an unknown charset for Latin-1',
  '=?utf-8?q?a=?=': CUT,
  '=?utf-8?q?nul=00x?=': CONTROL,
  '=?utf-8?q?line=0D=0ABcc:_x?=': LINE,
};
const MAILPARSER_SUBJECTS = {
  '=?utf-8?q?a=?=': CUT,
  '=?utf-8?q?nul=00x?=': CONTROL,
  '=?utf-8?q?line=0D=0ABcc:_x?=': LINE,
};
const IMPOSSIBLE = 'a date that the calendar does not have is none, and a defect';
const DATES = {
  'Mon, 4 May 2026 09:30:60 +0000': 'a leap second is told as second 59; theirs drops the second',
  'Mon, 4 May 2026 24:00:00 +0000': IMPOSSIBLE,
  'Wed, 29 Feb 2023 09:30:00 +0000': IMPOSSIBLE,
};
