// Every message of tests/vectors/mime through the native engine: the driver is that of bindings-wasm.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mimeVectors } from '../../bindings-wasm/tests/mime-files.mjs';
import { checkMimeVector } from '../../bindings-wasm/tests/mime-vectors.mjs';
import { parse } from '../dist/index.js';

const vectors = mimeVectors();

test('there are messages', () => assert.ok(vectors.length >= 60));

for (const vector of vectors) {
  test(vector.name, () =>
    checkMimeVector(parse, vector, (name, actual, expected) => {
      // A Buffer is a Uint8Array, and is compared as one.
      const plain = (value) => (Buffer.isBuffer(value) ? new Uint8Array(value) : value);
      assert.deepEqual(plain(actual), plain(expected), name);
    }),
  );
}
