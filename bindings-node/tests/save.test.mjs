// Saving attachments: inside one folder, under safe names, over nothing that is there.

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';

import { Part, parse } from 'popmail';

const folderTest = (name, run) =>
  test(name, async () => {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), 'popmail-'));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

const attachment = (name, content = 'aGVsbG8=') =>
  parse(
    `Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''${encodeURIComponent(name)}\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${content}\r\n`,
  ).attachments[0];

folderTest('saved files hold the content', async (folder) => {
  const raw = readFileSync(new URL('../../examples/mail/04-complete.eml', import.meta.url));
  const { attachments } = parse(raw);
  const target = join(folder, 'new', 'downloads');
  const paths = [];
  for (const part of attachments) paths.push(await part.save(target));
  assert.deepEqual(paths, ['Pläne für das Café.pdf', 'schedule.csv'].map((name) => join(target, name)));
  for (const [at, path] of paths.entries()) assert.deepEqual(new Uint8Array(readFileSync(path)), new Uint8Array(attachments[at].content));
});

folderTest('saving never overwrites, and never follows a link', async (folder) => {
  writeFileSync(join(folder, 'report.pdf'), 'mine');
  symlinkSync(join(folder, 'outside.pdf'), join(folder, 'report (2).pdf'));
  const part = attachment('report.pdf');
  const paths = [await part.save(folder), await part.save(pathToFileURL(folder))];
  assert.deepEqual(paths, ['report (3).pdf', 'report (4).pdf'].map((name) => join(folder, name)));
  assert.equal(readFileSync(join(folder, 'report.pdf'), 'utf8'), 'mine');
  assert.equal(existsSync(join(folder, 'outside.pdf')), false);
});

folderTest('many of one name at the same time get a name each', async (folder) => {
  const paths = await Promise.all(Array.from({ length: 20 }, () => attachment('a.pdf').save(folder)));
  assert.equal(new Set(paths).size, 20);
  for (const path of paths) assert.equal(readFileSync(path, 'latin1'), 'hello');
});

folderTest('hostile names stay in the folder', async (folder) => {
  for (const [at, [name, saved]] of [
    ['../../evil.pdf', 'evil.pdf'],
    ['/etc/passwd', 'passwd'],
    ['..\\..\\evil.pdf', 'evil.pdf'],
    ['..', 'part-0.pdf'],
    ['a\0b.pdf', 'ab.pdf'],
    ['\u202efdp.exe', 'fdp.exe'],
    ['CON', '_CON'],
    [`${'x'.repeat(300)}.pdf`, `${'x'.repeat(251)}.pdf`],
  ].entries()) {
    const target = join(folder, String(at), 'here');
    assert.equal(await attachment(name).save(target), join(target, saved));
    assert.deepEqual(readdirSync(target), [saved]);
    assert.deepEqual(readdirSync(join(folder, String(at))), ['here']);
  }
});

folderTest('a folder that is exchanged meanwhile changes nothing', async (folder) => {
  const [target, moved, outside] = ['folder', 'moved', 'outside'].map((name) => join(folder, name));
  mkdirSync(outside);
  mkdirSync(target);
  // It takes hundreds of tries to find a name that is free; the folder is exchanged among them.
  const taken = (number) => (number === 1 ? 'a.pdf' : `a (${number}).pdf`);
  for (let number = 1; number <= 500; number++) writeFileSync(join(target, taken(number)), '');
  const isOpen = () =>
    readdirSync('/proc/self/fd').some((number) => {
      try {
        return readlinkSync(`/proc/self/fd/${number}`) === target;
      } catch {
        return false; // that of the listing itself
      }
    });
  const saving = attachment('a.pdf').save(target);
  while (!isOpen()) await new Promise(setImmediate);
  renameSync(target, moved);
  symlinkSync(outside, target);
  await saving;
  assert.deepEqual(readdirSync(outside), []);
  assert.equal(readFileSync(join(moved, taken(501)), 'utf8'), 'hello');
});

folderTest('a save that fails leaves nothing and says why', async (folder) => {
  const blocked = join(folder, 'file');
  writeFileSync(blocked, 'no folder');
  await assert.rejects(attachment('report.pdf').save(blocked), { code: 'EEXIST' });
  await assert.rejects(attachment('report.pdf').save(7), { code: 'POP3_ERR_USAGE_ARGUMENT' });
  assert.deepEqual(readdirSync(folder), ['file']);
  assert.equal(typeof Part.prototype.save, 'function');
});
