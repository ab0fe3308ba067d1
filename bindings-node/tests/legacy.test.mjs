// Files inside bodies, messages in pieces, and mailbox files: the vectors that every language is held to.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { embeddedFiles, joinPartial, openMaildir, openMbox, parse, readMbox, readTnef } from 'popmail';

import { legacyVectors } from './support/legacy.mjs';

legacyVectors({ embeddedFiles, joinPartial, parse, readMbox, readTnef });

const LINE = 'From ann@example.com Mon May  4 09:30:00 2026\n';

test('an mbox file is opened from disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'popmail-'));
  try {
    const path = join(folder, 'box');
    writeFileSync(path, `${LINE}Subject: a\n\n>From x\n\n${LINE}Subject: b\n\ny\n\n`);
    const box = await openMbox(path);
    assert.deepEqual(Array.from(box, (message) => message.subject), ['a', 'b']);
    assert.equal(box.at(0).text, 'From x\n');
    assert.equal((await openMbox(path, { format: 'mboxcl2' })).at(0).text, '>From x\n');
    await assert.rejects(openMbox(join(folder, 'absent')), { code: 'ENOENT' });
    writeFileSync(path, 'Subject: a\n\nx\n');
    await assert.rejects(openMbox(path), { code: 'POP3_ERR_USAGE_ARGUMENT', message: /expected an mbox file/ });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('of an mbox file only what is asked for is read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'popmail-'));
  try {
    const path = join(folder, 'box');
    writeFileSync(path, Array.from({ length: 32 }, (_, at) => `${LINE}Subject: ${at}\n\n${'x'.repeat(1 << 20)}\n\n`).join(''));
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    const box = await openMbox(new URL(`file://${path}`));
    assert.equal(box.length, 32);
    assert.equal(box.at(0).subject, '0');
    assert.equal(box.at(-1).text.length, (1 << 20) + 1);
    // The file is 32 MiB; two messages of it were copied.
    assert.ok(process.memoryUsage().arrayBuffers - before < 8 << 20);
    assert.equal(box.at(32), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a Maildir is read in the order of arrival', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'popmail-'));
  try {
    ['new', 'cur', 'tmp'].forEach((name) => mkdirSync(join(folder, name)));
    writeFileSync(join(folder, 'new/102.M1.host'), 'Subject: c\n\n');
    writeFileSync(join(folder, 'cur/101.M1.host:2,RS'), 'Subject: b\n\n');
    writeFileSync(join(folder, 'new/99.M1.host'), 'Subject: a\n\n');
    const box = await openMaildir(folder);
    const subjects = [];
    for await (const message of box) {
      subjects.push(message.subject);
    }
    assert.deepEqual(subjects, ['a', 'b', 'c']);
    assert.equal((await box.at(-1)).subject, 'c');
    assert.deepEqual([...box.flags(1)], ['R', 'S']);
    assert.equal(box.length, 3);
    await assert.rejects(openMaildir(join(folder, 'absent')), { code: 'ENOENT' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
