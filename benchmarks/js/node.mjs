// Parse a message and read all of it, in Node: both packages beside their peers, as a Markdown table.
//
//   node node.mjs [--quick] [--cpu] [--only=TEXT] [--json=FILE]
//
// `--cpu` counts the time of the processor instead of the clock's, for a machine that does other
// work too; `--only` takes the classes of mail whose name has TEXT in it; `--json` writes the medians,
// in milliseconds, to a file too.

import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

import { simpleParser } from 'mailparser';
import PostalMime from 'postal-mime';
import { parse as native } from '../../bindings-node/dist/index.js';
import init, { parse as wasm } from '../../bindings-wasm/dist/node.js';
import { FOLDER, ROOT, peer, writeCorpus } from './corpus.mjs';
import { CAREFUL, QUICK, medians, table } from './measure.mjs';
import { mailparser, popmail, postalMime } from './readers.mjs';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, cpu: { type: 'boolean' }, only: { type: 'string', default: '' }, json: { type: 'string' } },
});
await init();
const peers = {
  native: popmail(native),
  wasm: popmail(wasm),
  'postal-mime': postalMime(PostalMime),
  mailparser: mailparser(simpleParser),
};
const processor = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const classes = {};
for (const [name, files] of Object.entries(writeCorpus())) {
  if (!name.includes(values.only)) continue;
  const messages = files.map((file) => new Uint8Array(readFileSync(`${ROOT}${FOLDER}${file}`)));
  classes[name] = await medians(peers, messages, values.quick ? QUICK : CAREFUL, values.cpu ? processor : undefined);
}
const time = values.cpu ? '; time of the processor' : '';
console.log(`Node ${process.version}, ${peer('postal-mime')}, ${peer('mailparser')}; ${cpus().length} cores, ${process.arch}${time}\n`);
console.log(table('Node: parse and read all of it, per message', classes, ['native', 'wasm']));
if (values.json) writeFileSync(values.json, JSON.stringify(classes));
