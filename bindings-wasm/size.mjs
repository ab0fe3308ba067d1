// Prints the size of each WebAssembly module, raw and as gzip sends it, and fails above its budget
// (size-budget.json, in octets of gzip).

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = JSON.parse(readFileSync(new URL('size-budget.json', import.meta.url), 'utf8'));
let isOver = false;
for (const [file, allowed] of Object.entries(budget)) {
  const module = readFileSync(new URL(`dist/${file}`, import.meta.url));
  const sent = gzipSync(module, { level: 9 }).length;
  const kilobytes = (octets) => `${(octets / 1000).toFixed(1)} kB`;
  console.log(`${file}: ${kilobytes(module.length)} raw, ${kilobytes(sent)} gzip, budget ${kilobytes(allowed)}`);
  isOver ||= sent > allowed;
}
if (isOver) {
  console.error('a module is larger than its budget');
  process.exitCode = 1;
}
