// Hostile input is read in linear time, through every getter, quickly and in little memory.

import assert from 'node:assert/strict';
import test from 'node:test';

import { parse } from 'popmail';

import { checkGrowth, checkMemory, checkTime } from '../../bindings-wasm/tests/hostile.mjs';

test('time grows with the input', () => checkGrowth(parse, assert.fail));

test('reading takes less than 20 milliseconds', () => checkTime(parse, assert.fail));

test('memory is less than three times the input', () => checkMemory(import.meta.resolve('popmail'), assert.fail));
