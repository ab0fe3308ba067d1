/**
 * Input made to be slow, deep or large (`tests/hostile.json`): read through every getter in time that grows
 * with its size, as programs do in 20 ms and in three times its size of memory at most.
 *
 * Run with the address of an entry, a class and a size it reads that input in a fresh process, as programs do,
 * and prints how many octets that took.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What every language is tried with: a piece over and over, in octets written as Latin-1. */
export const CLASSES = JSON.parse(readFileSync(new URL('../../tests/hostile.json', import.meta.url), 'utf8'));

/** Octets of the smaller input. */
const SIZE = 100_000;

/** How much larger the larger input is: a linear reader takes 8 times as long for it, a quadratic one 64 times. */
const TIMES = 8;

/** How much longer reading the larger input may take: halfway between the two, as factors go. */
const GROWTH = 24;

/** Milliseconds below which a time says nothing. */
const FLOOR = 3;

/** Milliseconds that reading the smaller input may take, as programs read it. */
const LIMIT = 20;

/** Octets of the input whose memory is measured: what is in a field is read up to 2 MiB. */
const hugeFor = (name) => (CLASSES[name].tail.startsWith('\r\n\r\n') ? 1_900_000 : 8 << 20);

/** How many times its size a message may take. */
const MEMORY = 3;

/** A machine that is busy makes times longer, never shorter: the best of many readings counts. */
const TRIES = 5;

/** Waits where a limit was not met, so that what keeps the machine busy may pass; longer each time. */
function pause(attempt) {
  const milliseconds = attempt === 0 ? 0 : 500 * 2 ** attempt;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** The input of a class, about so many octets; `{at}` in its piece counts. */
export function hostile(name, size) {
  const { head, piece, middle = '', next = '', tail } = CLASSES[name];
  const counted = piece.split('{at}').length - 1;
  const count = Math.floor(size / (piece.length + next.length + 2 * counted));
  const run = counted === 0 ? piece.repeat(count) : Array.from({ length: count }, (_, at) => piece.replaceAll('{at}', at)).join('');
  return Buffer.from(head + run + middle + next.repeat(count) + tail, 'latin1');
}

const getters = (object) => Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object)));

function readMessage(message) {
  for (const [name, { get, value }] of getters(message)) {
    if (get) get.call(message);
    else if (['json', 'tree', 'toJSON', 'htmlWithInline', 'views'].includes(name)) value.call(message);
  }
  message.htmlWith((part) => part.safeFilename);
}

/** Reads all that is in a message, in its parts and in the messages inside it. */
function read(parse, raw) {
  const message = parse(raw);
  readMessage(message);
  for (const part of message.parts) {
    for (const [, { get }] of getters(part)) get?.call(part);
    part.signedContent();
    for (const field of part.headers) {
      for (const [, { get }] of getters(field)) get?.call(field);
    }
    if (part.message) readMessage(part.message);
  }
}

/** Reads what every program reads, and the defects. */
function readAsProgramsDo(parse, raw) {
  const message = parse(raw);
  const { subject, from, to, date, text, html, attachments, defects } = message;
  return [subject, from, to, date, text, html, attachments, defects];
}

/** The processor time of one reading. */
function milliseconds(reading, parse, raw) {
  const start = process.cpuUsage();
  reading(parse, raw);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Tries every class; `fail` is called with what grew faster than its input. */
export function checkGrowth(parse, fail) {
  for (const name of Object.keys(CLASSES)) {
    const [small, large] = [SIZE, TIMES * SIZE].map((size) => hostile(name, size));
    let [before, after] = [Infinity, Infinity];
    const holds = () => after < GROWTH * Math.max(before, FLOOR);
    for (let attempt = 0; attempt < TRIES && !holds(); attempt++) {
      pause(attempt);
      for (let round = 0; round < 2; round++) before = Math.min(before, milliseconds(read, parse, small));
      after = Math.min(after, milliseconds(read, parse, large));
    }
    console.log(`# ${name}: ${before.toFixed(1)} ms, then ${after.toFixed(1)} ms`);
    if (!holds()) fail(`${name}: ${before} ms, then ${after} ms`);
  }
}

/** Tries every class; `fail` is called with what took too long. */
export function checkTime(parse, fail, limit = LIMIT) {
  for (const name of Object.keys(CLASSES)) {
    const raw = hostile(name, SIZE);
    let best = Infinity;
    for (let attempt = 0; attempt < TRIES && best >= limit; attempt++) {
      pause(attempt);
      for (let round = 0; round < 5; round++) best = Math.min(best, milliseconds(readAsProgramsDo, parse, raw));
    }
    console.log(`# ${name}: ${best.toFixed(1)} ms`);
    if (best >= limit) fail(`${name}: ${best} ms`);
  }
}

/**
 * Tries every class in a process of its own; `fail` is called with what took too much memory. `more` is what an
 * engine takes besides: how many times the size of the input, and octets. `flags` are for the process.
 */
export function checkMemory(entry, fail, more = { times: 0, octets: 0 }, flags = []) {
  for (const name of Object.keys(CLASSES)) {
    const size = hugeFor(name);
    const args = ['--expose-gc', '--max-semi-space-size=1', ...flags, fileURLToPath(import.meta.url), entry, name, size];
    const octets = Number(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }));
    console.log(`# ${name}: ${(octets / size).toFixed(2)} times ${size} octets`);
    if (octets >= (MEMORY + more.times) * size + more.octets) fail(`${name}: ${octets} octets for ${size}`);
  }
}

/** Octets of memory of this process: now (`VmRSS`), or the most since it was asked to forget (`VmHWM`). */
function memory(which) {
  const [, kibibytes] = new RegExp(`^${which}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(kibibytes) * 1024;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [entry, name, size] = process.argv.slice(2);
  const { default: init, parse } = await import(entry);
  await init?.();
  if (init) await (await import(entry.replace('node.js', 'extra-node.js'))).default();
  // What is made once is no part of it.
  readAsProgramsDo(parse, hostile(name, 10_000));
  const raw = hostile(name, Number(size));
  globalThis.gc();
  globalThis.gc();
  writeFileSync('/proc/self/clear_refs', '5');
  const before = memory('VmRSS');
  readAsProgramsDo(parse, raw);
  console.log(memory('VmHWM') - before);
}
