// Fetches message 1 into a file, and tells how much memory that took above what was there before.

import { writeFile } from 'node:fs/promises';
import { argv, memoryUsage, resourceUsage } from 'node:process';

import { Pop3 } from '../../dist/index.js';

const [host, port, ca, file] = argv.slice(2);
const box = await Pop3.connect({ host, port: Number(port), user: 'me', password: 'secret', tlsOptions: { ca } });
const idle = memoryUsage().rss;
await writeFile(file, box.retrStream(1));
await box.quit();
console.log((resourceUsage().maxRSS * 1024 - idle) / 1024 / 1024);
