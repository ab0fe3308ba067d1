// Programs of the system that the tests use, and the Debian packages that they come in.

import { accessSync, constants } from 'node:fs';

export const CHROMIUM = '/usr/bin/chromium';
export const WEBSOCKIFY = '/usr/bin/websockify';

const PACKAGES = { [CHROMIUM]: 'chromium', [WEBSOCKIFY]: 'websockify' };

/** Throws, naming the packages to install, where a program is missing. */
export function needPrograms() {
  const missing = Object.entries(PACKAGES).filter(([program]) => !isProgram(program));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name).join(' ');
  const programs = missing.map(([program]) => program).join(' and ');
  throw new Error(`${programs} not found: as root, apt-get install -y --no-install-recommends ${packages}`);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
