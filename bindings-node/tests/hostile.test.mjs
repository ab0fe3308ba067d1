// Hostile input is read in linear time, through every getter.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { parse } from 'popmail';

import { checkHostile } from '../../bindings-wasm/tests/hostile.mjs';

test('time grows with the input', () => {
  const classes = JSON.parse(readFileSync(new URL('../../tests/hostile.json', import.meta.url), 'utf8'));
  assert.ok(checkHostile(parse, classes, assert.fail) > 30);
});
