/** Hostile input through WebAssembly in Node: linear time, through every getter, quickly and in little memory. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import initExtra from '../dist/extra-node.js';
import init, { parse } from '../dist/node.js';
import { checkGrowth, checkMemory, checkTime } from './hostile.mjs';

await init();
await initExtra();

test('time grows with the input', () => checkGrowth(parse, assert.fail));

// It is less than 20 ms; a machine that does other work too may take twice as long.
test('reading takes less than 40 milliseconds', () => checkTime(parse, assert.fail, 40));

// What crosses into an instance is there twice, and its memory never shrinks. What V8 takes once to make its code
// faster, while it runs, is no part of it.
test('memory is less than four times the input', () =>
  checkMemory(new URL('../dist/node.js', import.meta.url).href, assert.fail, { times: 1, octets: 1 << 20 }, ['--liftoff-only']));
