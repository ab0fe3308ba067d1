/** What Node has of its own for text, and what its decoders lack. */

import { isAscii, isUtf8, transcode } from 'node:buffer';

import { hongKong, lacksHongKong } from './hong-kong.js';
import { provideDecoders, providePairs } from './host.js';

/** Has text read as it is best in Node; more than once does no harm. */
export function prepareHost(): void {
  provideDecoders({ 'utf-8': decodeUtf8, 'windows-1252': decodeLatin1 });
  if (lacksHongKong()) {
    providePairs('big5', hongKong);
  }
}

/** Node's `TextDecoder` takes four times as long for what is not ASCII. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (isAscii(bytes)) {
    return decodeLatin1(bytes);
  }
  return isUtf8(bytes) ? transcode(bytes, 'utf8', 'utf16le').toString('utf16le') : undefined;
}

/** As Node's `TextDecoder` reads windows-1252, controls for what it defines beyond Latin-1. */
function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
