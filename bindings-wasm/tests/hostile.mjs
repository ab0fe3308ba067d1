/** Input made to be slow, deep or large (`tests/hostile.json`), read through every getter: time grows with the size. */

const SIZE = 100_000;

/** Milliseconds below which a time says nothing. */
const FLOOR = 8;

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

function milliseconds(parse, raw) {
  const times = [];
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage();
    read(parse, raw);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
  }
  return Math.min(...times);
}

/** Tries every class; `fail` is called with what grew faster than its input. */
export function checkHostile(parse, classes, fail) {
  for (const [name, given] of Object.entries(classes)) {
    const [small, large] = [SIZE, 2 * SIZE].map((size) => hostile(given, size));
    const [before, after] = [small, large].map((raw) => milliseconds(parse, raw));
    if (after > 3 * Math.max(before, FLOOR)) fail(`${name}: ${before} ms, then ${after} ms`);
  }
  return Object.keys(classes).length;
}
