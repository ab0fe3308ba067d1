// Delivers what is new into a folder, and deletes it on the server: a run that a test kills.

import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { argv } from 'node:process';

import { Pop3, SyncState } from '../../dist/index.js';

const [host, port, path, folder] = argv.slice(2);
await mkdir(folder, { recursive: true });
const arrived = (name) => stat(join(folder, name)).then(() => true, () => false);
const state = await SyncState.open(path, { arrived });
const box = await Pop3.connect({ host, port: Number(port), user: 'me', password: 'secret', tls: 'none', allowCleartext: true });
for await (const mail of box.fetchNew(state, { deleteAfter: 0 })) {
  const name = `${process.pid}-${mail.number}.eml`;
  await writeFile(join(folder, `${name}.part`), mail.raw);
  await state.noteArriving(mail.number, name);
  await rename(join(folder, `${name}.part`), join(folder, name));
}
await box.quit();
await state.close();
