// What chromium.mjs runs in a page.

import PostalMime from 'postal-mime';
import init, { parse } from '/bindings-wasm/dist/index.js';
import { medians } from './measure.mjs';
import { popmail, postalMime } from './readers.mjs';

await init();
const peers = { wasm: popmail(parse), 'postal-mime': postalMime(PostalMime) };

/** The medians for the messages at these addresses. */
globalThis.measure = async (addresses, care) => {
  const messages = await Promise.all(
    addresses.map(async (address) => new Uint8Array(await (await fetch(address)).arrayBuffer())),
  );
  return await medians(peers, messages, care);
};
