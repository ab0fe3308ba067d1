/** The MIME vectors, read from this repository. */

import { readFileSync, readdirSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** Every vector with the bytes of its message. */
export function mimeVectors() {
  const folder = new URL('tests/vectors/mime/', root);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const { input, expect } = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
      const raw = input.file
        ? readFileSync(new URL(input.file, root))
        : Buffer.from(input.base64, 'base64');
      return { name: file.replace('.json', ''), expect, raw: new Uint8Array(raw) };
    });
}
