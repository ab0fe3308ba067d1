// Parse a message and read all of it, in Node: both packages beside their peers, as a Markdown table.
//
//   node node.mjs [--quick] [--cpu] [--only=TEXT] [--json=FILE]
//
// Each peer works in a process of its own, since what one leaves to the garbage collector would be work of the
// next; they take turns. `--cpu` counts the time of the processor instead of the clock's, for a machine that
// does other work too; `--only` takes the classes of mail whose name has TEXT in it; `--json` writes the
// medians, in milliseconds, to a file too.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { FOLDER, ROOT, peer, writeCorpus } from './corpus.mjs';
import { CAREFUL, QUICK, compare, rounds, table, timed } from './measure.mjs';
import { mailparser, popmail, postalMime } from './readers.mjs';

const PEERS = {
  native: async () => popmail((await import('../../bindings-node/dist/index.js')).parse),
  wasm: async () => {
    const { default: init, parse } = await import('../../bindings-wasm/dist/node.js');
    await init();
    return popmail(parse);
  },
  'postal-mime': async () => postalMime((await import('postal-mime')).default),
  mailparser: async () => mailparser((await import('mailparser')).simpleParser),
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    cpu: { type: 'boolean' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    peer: { type: 'string' }, // what the other processes are told
  },
});
const load = (files) => files.map((file) => new Uint8Array(readFileSync(`${ROOT}${FOLDER}${file}`)));

/** A process that measures one peer: a message to it is the round of a class, the answer its milliseconds. */
async function work() {
  const read = await PEERS[values.peer]();
  const processor = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  let files = [];
  let messages = [];
  process.on('message', async (asked) => {
    if (asked.files.join() !== files.join()) {
      ({ files } = asked);
      messages = load(files);
    }
    process.send(await timed(read, messages, asked.atLeast, values.cpu ? processor : undefined));
  });
}

async function main() {
  const readers = {};
  for (const [name, reader] of Object.entries(PEERS)) readers[name] = await reader();
  const workers = Object.keys(PEERS).map((name) => {
    const options = [`--peer=${name}`, ...(values.cpu ? ['--cpu'] : [])];
    const worker = fork(fileURLToPath(import.meta.url), options);
    worker.on('exit', (code) => code !== 0 && process.exit(1));
    return [name, worker];
  });
  const care = values.quick ? QUICK : CAREFUL;
  const classes = {};
  for (const [name, files] of Object.entries(writeCorpus())) {
    if (!name.includes(values.only)) continue;
    await compare(readers, load(files));
    const ask = (worker) => async () => {
      worker.send({ files, atLeast: care.atLeast });
      const [told] = await once(worker, 'message');
      return told;
    };
    classes[name] = await rounds(Object.fromEntries(workers.map(([peer, worker]) => [peer, ask(worker)])), care);
  }
  for (const [, worker] of workers) worker.disconnect();
  const time = values.cpu ? '; time of the processor' : '';
  console.log(`Node ${process.version}, ${peer('postal-mime')}, ${peer('mailparser')}; ${cpus().length} cores, ${process.arch}${time}\n`);
  console.log(table('Node: parse and read all of it, per message', classes, ['native', 'wasm']));
  if (values.json) writeFileSync(values.json, JSON.stringify(classes));
}

await (values.peer === undefined ? main() : work());
