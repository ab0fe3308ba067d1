// The package as users get it: packed, and installed in an empty folder.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package's sources. */
export const HERE = fileURLToPath(new URL('../..', import.meta.url));

/** A new folder in which the package is installed, and the tarball that it came from. */
export function install() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'popmail-package-')));
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: HERE,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // npm 11 gives an object by name, earlier ones an array.
  const [{ filename }] = Object.values(JSON.parse(packed));
  const tarball = join(folder, filename);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: folder, stdio: 'ignore' });
  // What a TypeScript project for Node has anyway.
  mkdirSync(join(folder, 'node_modules/@types'));
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(join(HERE, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return { folder, tarball };
}
