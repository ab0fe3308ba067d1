// Streams the largest message of a mailbox into a file: constant memory, whatever its size.
//
//   POPMAIL_PASSWORD=… node stream-largest.mjs --host pop.example.com --user me largest.eml

import { rename, writeFile } from 'node:fs/promises';

import { connect, options } from './connect.mjs';

const given = options();
const [path = 'largest.eml'] = given.positionals;

const box = await connect(given);
try {
  const [largest] = (await box.list()).sort((a, b) => b.octets - a.octets);
  if (largest === undefined) {
    console.log('the mailbox is empty');
  } else {
    const stream = box.retrStream(largest.number).pipeThrough(progress(largest.octets));
    await writeFile(`${path}.part`, stream);
    await rename(`${path}.part`, path);
    console.log(`message ${largest.number}: ${largest.octets} octets in ${path}`);
  }
  await box.quit();
} finally {
  box.close();
}

/** Shows on a terminal how far it is. */
function progress(total) {
  let octets = 0;
  let shown = -1;
  return new TransformStream({
    transform(chunk, controller) {
      octets += chunk.length;
      const percent = Math.min(100, Math.floor((100 * octets) / total));
      if (process.stderr.isTTY && percent !== shown) {
        shown = percent;
        process.stderr.write(`\r${percent} %`);
      }
      controller.enqueue(chunk);
    },
    flush() {
      if (process.stderr.isTTY) {
        process.stderr.write('\r');
      }
    },
  });
}
