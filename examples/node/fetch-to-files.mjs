// Fetches the new messages of a mailbox into a folder, one file each, with their attachments.
//
//   POPMAIL_PASSWORD=… node fetch-to-files.mjs --host pop.example.com --user me [--delete] folder
//
// A message that has its file already is not fetched again. With --delete a message is deleted from
// the server, once its file is complete.

import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { connect, options } from './connect.mjs';

const given = options({ delete: { type: 'boolean' } });
const [folder = 'mail'] = given.positionals;
await mkdir(folder, { recursive: true });
const known = new Set(await readdir(folder));

const box = await connect(given);
try {
  const names = new Map((await box.uidl()).map(({ number, uid }) => [number, fileName(uid)]));
  const missing = [...names.keys()].filter((number) => !known.has(`${names.get(number)}.eml`));
  for await (const mail of box.fetch(missing)) {
    const name = names.get(mail.number);
    await store(join(folder, `${name}.eml`), mail.raw);
    for (const [at, part] of mail.message.attachments.entries()) {
      await store(join(folder, `${name}.${at + 1}.${part.safeFilename}`), part.content);
    }
    console.log(`${mail.number} ${mail.octets} ${mail.message.subject ?? '(no subject)'}`);
    if (given.delete) {
      mail.delete();
    }
  }
  console.log(`${missing.length} new, ${names.size - missing.length} known`);
  await box.quit();
} finally {
  box.close();
}

/** A uid may hold any printable character: what a file name may not have is written in hexadecimal. */
function fileName(uid) {
  return uid.replace(/[^A-Za-z0-9_-]/gu, (char) => `%${char.codePointAt(0).toString(16)}.`);
}

/** Writes a file that is complete or not there. */
async function store(path, octets) {
  await writeFile(`${path}.part`, octets);
  await rename(`${path}.part`, path);
}
