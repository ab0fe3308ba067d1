/** Input made to be slow, deep or large (`tests/hostile.json`), read through every getter: time grows with the size. */

const SIZE = 100_000;

/** How much larger the larger input is: a linear reader takes 8 times as long for it, a quadratic one 64 times. */
const TIMES = 8;

/** How much longer reading the larger input may take: halfway between the two, as factors go. */
const GROWTH = 24;

/** Milliseconds below which a time says nothing. */
const FLOOR = 3;

/** A machine that is busy makes times longer, never shorter: the best of many readings counts. */
const TRIES = 5;

/** Waits where a limit was not met, so that what keeps the machine busy may pass; longer each time. */
function pause(attempt) {
  const milliseconds = attempt === 0 ? 0 : 500 * 2 ** attempt;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** The input of a class, about so many octets; `{at}` in its piece counts. */
function hostile({ head, piece, tail }, size) {
  const counted = piece.split('{at}').length - 1;
  const count = Math.floor(size / (piece.length + 2 * counted));
  let text = head;
  for (let at = 0; at < count; at++) text += counted > 0 ? piece.replaceAll('{at}', String(at)) : piece;
  return Uint8Array.from(text + tail, (char) => char.charCodeAt(0));
}

/** Reads all that is in a message. */
function read(parse, raw) {
  const message = parse(raw);
  const getters = (object) => Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object)));
  for (const [name, { get, value }] of getters(message)) {
    if (get) get.call(message);
    else if (['json', 'tree', 'toJSON', 'htmlWithInline'].includes(name)) value.call(message);
  }
  message.htmlWith((part) => part.safeFilename);
  for (const part of message.parts.slice(0, 100)) {
    for (const [, { get }] of getters(part)) get?.call(part);
    part.signedContent();
    for (const field of [...part.headers].slice(0, 100)) {
      for (const [, { get }] of getters(field)) get?.call(field);
    }
  }
}

/** The processor time of one reading. */
function milliseconds(parse, raw) {
  const start = process.cpuUsage();
  read(parse, raw);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Tries every class; `fail` is called with what grew faster than its input. */
export function checkHostile(parse, classes, fail) {
  for (const [name, given] of Object.entries(classes)) {
    const [small, large] = [SIZE, TIMES * SIZE].map((size) => hostile(given, size));
    let [before, after] = [Infinity, Infinity];
    const holds = () => after < GROWTH * Math.max(before, FLOOR);
    for (let attempt = 0; attempt < TRIES && !holds(); attempt++) {
      pause(attempt);
      for (let round = 0; round < 3; round++) before = Math.min(before, milliseconds(parse, small));
      after = Math.min(after, milliseconds(parse, large));
    }
    console.log(`# ${name}: ${before.toFixed(1)} ms, then ${after.toFixed(1)} ms`);
    if (!holds()) fail(`${name}: ${before} ms, then ${after} ms`);
  }
  return Object.keys(classes).length;
}
