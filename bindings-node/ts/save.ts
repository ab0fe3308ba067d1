/**
 * Saving the content of a part to a file, inside one folder and nowhere else.
 *
 * What a file may be called is decided by the engine. This file makes it: anew, through no symbolic link.
 */

import { constants, existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { argument, shown } from '../../bindings-wasm/ts/error.js';
import { numberedFilename } from './native.js';

/** Files of one name in one folder before saving gives up. */
const MAX_NUMBER = 10_000;

/** Where a system names what is below an open folder: what is put in the folder's place later changes nothing. */
const OPEN_FOLDERS = '/proc/self/fd';

/** Makes a new file in a folder, which is made where it is missing, and returns its path. */
export async function saveFile(content: Uint8Array, name: string, folder: string | URL): Promise<string> {
  if (typeof folder !== 'string' && !(folder instanceof URL)) {
    throw argument(`a folder is a path or a URL, not ${shown(folder)}`);
  }
  const target = typeof folder === 'string' ? folder : fileURLToPath(folder);
  await mkdir(target, { recursive: true });
  const opened = existsSync(OPEN_FOLDERS) ? await open(target, constants.O_RDONLY | constants.O_DIRECTORY) : undefined;
  try {
    const place = opened ? join(OPEN_FOLDERS, String(opened.fd)) : target;
    const [made, file] = await create(place, name);
    try {
      await file.writeFile(content);
      await file.close();
    } catch (error) {
      await file.close().catch(() => undefined);
      await unlink(join(place, made));
      throw error;
    }
    return join(target, made);
  } finally {
    await opened?.close();
  }
}

/** A new file under the first of its names that nothing has, and that name. */
async function create(place: string, name: string): Promise<[name: string, file: FileHandle]> {
  // Windows has no O_NOFOLLOW; O_EXCL alone refuses a link that is there already.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  for (let number = 1; number <= MAX_NUMBER; number++) {
    const tried = number === 1 ? name : numberedFilename(name, number);
    try {
      return [tried, await open(join(place, tried), flags, 0o666)];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw error;
      }
    }
  }
  throw argument(`${MAX_NUMBER} files are named like ${JSON.stringify(name)}`);
}
