// Every message of tests/vectors/mime through `parse`, in a page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMimeVector } from '../../../mime-vectors.mjs';

function equal(name, actual, expected) {
  try {
    assert.deepEqual(actual, expected);
  } catch {
    throw new Error(`${name}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
  }
}

export async function mimeVectors(parse) {
  for (const { name, expect, base64 } of await (await fetch('/mime-vectors.json')).json()) {
    const raw = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    test(name, () => checkMimeVector(parse, { name, expect, raw }, equal));
  }
}
