// The memory that one peer takes for one message: parse it and read all of it, in this process.
//
//   node memory.mjs PEER FILE
//
// Prints the octets that its largest resident size lies above that of the idle process, which has
// loaded the library and the message.

import { readFileSync, writeFileSync } from 'node:fs';

const [peer, file] = process.argv.slice(2);
const readers = await import('./readers.mjs');
const load = {
  native: async () => readers.popmail((await import('../../bindings-node/dist/index.js')).parse),
  wasm: async () => {
    const { default: init, parse } = await import('../../bindings-wasm/dist/node.js');
    await init();
    return readers.popmail(parse);
  },
  'postal-mime': async () => readers.postalMime((await import('postal-mime')).default),
  mailparser: async () => readers.mailparser((await import('mailparser')).simpleParser),
};
const read = await load[peer]();
const raw = new Uint8Array(readFileSync(file));

const resident = (name) => Number(readFileSync('/proc/self/status', 'utf8').match(`${name}:\\s+(\\d+) kB`)[1]) * 1024;
await read(new TextEncoder().encode('From: a@example.com\r\nSubject: small\r\n\r\nHello\r\n'));
writeFileSync('/proc/self/clear_refs', '5'); // the peak begins anew
const idle = resident('VmRSS');
const result = await read(raw);
const peak = resident('VmHWM');
if (result.attachments[0].length !== 20_000_000) throw new Error('not the attachment');
console.log(peak - idle);
