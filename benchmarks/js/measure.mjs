// How figures are taken: a comparison, a warm-up, then rounds in which the peers take turns, then
// the median of each. Runs in Node and in a page.

import { differences } from './readers.mjs';

/** Rounds, and the milliseconds that each peer works in one at least. */
export const CAREFUL = { rounds: 7, atLeast: 250 };
export const QUICK = { rounds: 3, atLeast: 50 };

/** The median time of each peer for one message, in milliseconds, after all were found to read the same. */
export async function medians(peers, messages, care) {
  await compare(peers, messages);
  return rounds(mapped(peers, (read) => () => timed(read, messages, care.atLeast)), care);
}

/** Stops unless every peer reads every message as the first one does. */
export async function compare(peers, messages) {
  const [[first, reference]] = Object.entries(peers);
  for (const raw of messages) {
    const expected = await reference(raw);
    for (const [peer, read] of Object.entries(peers)) {
      const differing = differences(await read(raw), expected);
      if (differing.length > 0) {
        throw new Error(`${peer} and ${first} differ in ${differing.join(', ')} of the message "${expected.subject}"`);
      }
    }
  }
}

/** The medians of what peers tell of their rounds, in which they take turns; the first one is the warm-up. */
export async function rounds(peers, { rounds: count }) {
  const took = mapped(peers, () => []);
  for (let round = 0; round <= count; round++) {
    for (const [peer, measured] of Object.entries(peers)) {
      const each = await measured();
      if (round > 0) took[peer].push(each);
    }
  }
  return mapped(took, median);
}

/** The milliseconds that one message takes, in a round of `atLeast` of them. */
export async function timed(read, messages, atLeast, clock = () => performance.now()) {
  const start = clock();
  let passed = 0;
  let count = 0;
  do {
    for (const raw of messages) {
      const result = read(raw);
      if (result instanceof Promise) await result;
    }
    count += messages.length;
    passed = clock() - start;
  } while (passed < atLeast);
  return passed / count;
}

function mapped(object, map) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}

function median(values) {
  return values.sort((one, other) => one - other)[values.length >> 1];
}

/** A Markdown table of such medians by class of mail: the times, then how many times faster each of `ours` is. */
export function table(head, classes, ours) {
  const peers = Object.keys(Object.values(classes)[0]);
  const others = peers.filter((peer) => !ours.includes(peer));
  const pairs = ours.flatMap((engine) => others.map((other) => [engine, other]));
  const rows = Object.entries(classes).map(([name, each]) => [
    name,
    ...peers.map((peer) => microseconds(each[peer])),
    ...pairs.map(([engine, other]) => `${(each[other] / each[engine]).toFixed(1)} x`),
  ]);
  const titles = [head, ...peers, ...pairs.map(([engine, other]) => `${engine} against ${other}`)];
  return [titles, titles.map((_, at) => (at === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function microseconds(milliseconds) {
  return `${(milliseconds * 1000).toLocaleString('en', { maximumFractionDigits: 1 })} µs`;
}
