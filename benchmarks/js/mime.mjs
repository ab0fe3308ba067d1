// Parse a message and read all of it, in Node: subject, sender, date, text, HTML and the bytes of
// every attachment. Prints a Markdown table. Medians of five rounds after a warm-up, the peers
// taking turns; what each peer read is compared before it is timed.
//
//   node mime.mjs [--quick]

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import { simpleParser } from 'mailparser';
import PostalMime from 'postal-mime';

const here = (path) => new URL(path, import.meta.url);
const folder = here('../../target/bench-corpus/');
const python = existsSync(here('../../.venv/bin/python')) ? fileURLToPath(here('../../.venv/bin/python')) : 'python3';
const ROUNDS = process.argv.includes('--quick') ? 1 : 5;
const AT_LEAST = process.argv.includes('--quick') ? 60 : 250;

const wasm = await import(here('../../bindings-wasm/dist/node.js'));
await wasm.default();
const native = existsSync(here('../../bindings-node/dist/index.js')) ? await import(here('../../bindings-node/dist/index.js')) : {};

/** Subject, sender, and the bytes of the attachments. */
const ours = ({ parse }) => (raw) => {
  const message = parse(raw);
  void [message.date, message.text, message.html];
  return [message.subject, message.from[0]?.address, message.attachments.map((part) => part.content)];
};

const PEERS = {
  'postal-mime': async (raw) => {
    const mail = await PostalMime.parse(raw);
    void [mail.date, mail.text, mail.html];
    return [mail.subject, mail.from?.address, mail.attachments.map(({ content }) => new Uint8Array(content))];
  },
  mailparser: async (raw) => {
    const mail = await simpleParser(Buffer.from(raw.buffer, raw.byteOffset, raw.length), { skipTextToHtml: true, skipHtmlToText: true, skipImageLinks: true });
    void [mail.date, mail.text, mail.html];
    return [mail.subject, mail.from?.value[0]?.address, mail.attachments.map(({ content }) => content)];
  },
  wasm: ours(wasm),
  ...(await parses(native) ? { native: ours(native) } : {}),
};

async function parses({ parse }) {
  try {
    return parse?.('Subject: x\r\n\r\n').subject === 'x';
  } catch {
    return false;
  }
}

/** Milliseconds for all messages, once. */
async function time(read, messages) {
  const wait = read === PEERS['postal-mime'] || read === PEERS.mailparser;
  const start = performance.now();
  let rounds = 0;
  do {
    for (const raw of messages) {
      const result = read(raw);
      if (wait) await result;
    }
    rounds++;
  } while (performance.now() - start < AT_LEAST);
  return (performance.now() - start) / rounds;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

execFileSync(python, [fileURLToPath(here('write_corpus.py')), fileURLToPath(folder)]);
const classes = JSON.parse(readFileSync(new URL('classes.json', folder), 'utf8'));
const engines = Object.keys(PEERS).filter((name) => ['native', 'wasm'].includes(name));
const rows = [];
for (const [name, files] of Object.entries(classes)) {
  const messages = files.map((file) => new Uint8Array(readFileSync(new URL(file, folder))));
  for (const raw of messages) {
    const expected = await PEERS['postal-mime'](raw);
    for (const [peer, read] of Object.entries(PEERS)) {
      const found = await read(raw);
      const equal = found[0] === expected[0] && found[1] === expected[1] && found[2].every((content, at) => Buffer.compare(content, expected[2][at]) === 0);
      if (!equal && peer !== 'mailparser') {
        throw new Error(`${name}: ${peer} reads ${found[0]}, postal-mime ${expected[0]}, or attachments differ`);
      }
    }
  }
  const took = Object.fromEntries(Object.keys(PEERS).map((peer) => [peer, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [peer, read] of Object.entries(PEERS)) {
      const each = (await time(read, messages)) / messages.length;
      if (round > 0) took[peer].push(each);
    }
  }
  const each = Object.fromEntries(Object.entries(took).map(([peer, times]) => [peer, median(times)]));
  rows.push([
    name,
    ...Object.values(each).map((milliseconds) => `${(milliseconds * 1000).toLocaleString('en', { maximumFractionDigits: 1 })} µs`),
    ...engines.flatMap((engine) => ['postal-mime', 'mailparser'].map((peer) => `${(each[peer] / each[engine]).toFixed(1)}×`)),
  ]);
}
const head = [
  'Node: parse and read all of it, per message',
  ...Object.keys(PEERS),
  ...engines.flatMap((engine) => ['postal-mime', 'mailparser'].map((peer) => `${engine} against ${peer}`)),
];
console.log(`Node ${process.version}; ${cpus().length} cores, ${process.arch}\n`);
for (const row of [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...rows]) console.log(`| ${row.join(' | ')} |`);
