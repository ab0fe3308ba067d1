/**
 * A WebSocket as a transport: bytes in, bytes out.
 *
 * The bridge at the other end (websockify) passes the bytes of binary frames on to a TCP server.
 * Encryption is the WebSocket's: `wss:`.
 */

import type { TransportStreams } from 'popmail-wasm';

/** Bytes that may wait in the socket before writing pauses. */
const HIGH_WATER = 1 << 20;

/** Connects to a bridge. Fails with an `Error` that a user can read. */
export async function openWebSocket(address: string, signal: AbortSignal): Promise<TransportStreams> {
  signal.throwIfAborted();
  const socket = new WebSocket(address);
  socket.binaryType = 'arraybuffer';
  const close = () => socket.close();
  signal.addEventListener('abort', close, { once: true });

  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    // The event says nothing about the reason: a page must not learn what listens where.
    socket.onerror = () =>
      reject(signal.aborted ? signal.reason : new Error(`no WebSocket bridge answers at ${address}`));
  });

  const readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
        if (typeof data === 'string') {
          controller.error(new Error('the bridge sent text frames; expected binary ones'));
          socket.close();
        } else {
          controller.enqueue(new Uint8Array(data));
        }
      };
      socket.onclose = () => {
        signal.removeEventListener('abort', close);
        try {
          controller.close();
        } catch {
          // It has failed or was cancelled before.
        }
      };
      socket.onerror = () => socket.close();
    },
    cancel: close,
  });

  const writable = new WritableStream<Uint8Array>({
    async write(chunk) {
      if (socket.readyState !== WebSocket.OPEN) throw new Error('the bridge closed the connection');
      socket.send(chunk as Uint8Array<ArrayBuffer>);
      while (socket.bufferedAmount > HIGH_WATER && socket.readyState === WebSocket.OPEN) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    close,
    abort: close,
  });

  return { readable, writable };
}
