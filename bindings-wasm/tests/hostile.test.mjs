/** Hostile input through WebAssembly in Node: linear time, through every getter, quickly and in little memory. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import initExtra from '../dist/extra-node.js';
import init, { parse } from '../dist/node.js';
import { checkGrowth, checkMemory, checkTime } from './hostile.mjs';

await init();
await initExtra();

test('time grows with the input', () => checkGrowth(parse, assert.fail));

// WebAssembly takes two to four times the time of native code, where thousands of small things are made.
test('reading takes less than 60 milliseconds', () => checkTime(parse, assert.fail, 60));

// What crosses into an instance and out of it is there twice, and its memory never shrinks; its code is made
// ready in the background while it runs.
test('memory is a few times the input', () =>
  checkMemory(new URL('../dist/node.js', import.meta.url).href, assert.fail, { times: 4, octets: 12 << 20 }));
