// A SOCKS5 proxy of the tests: CONNECT by name and without authentication (RFC 1928); every name is
// this machine.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Starts it; `asked` are the places that it was asked for. */
export async function startProxy() {
  const asked = [];
  const open = new Set();
  const listener = createServer((client) => {
    open.add(client.on('error', () => {}));
    client.once('data', () => {
      client.write(Buffer.from([5, 0]));
      client.once('data', (request) => {
        const name = request.subarray(5, 5 + request[4]).toString();
        const port = request.readUInt16BE(5 + request[4]);
        asked.push(`${name}:${port}`);
        const server = connect(port, '127.0.0.1', () => {
          client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
          client.pipe(server).pipe(client);
        });
        open.add(server.on('error', () => client.destroy()));
      });
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const close = () => {
    listener.close();
    open.forEach((socket) => socket.destroy());
  };
  return { port: listener.address().port, asked, close };
}
