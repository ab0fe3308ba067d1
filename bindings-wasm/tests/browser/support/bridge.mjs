// A POP3 server and a bridge from WebSocket to it, on this machine only.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { WEBSOCKIFY } from './need.mjs';
import { HERE, ROOT, SAMPLES } from './places.mjs';

const STARTS_WITHIN = 20_000;

/** Starts popmail's own server with the sample mail, until the test file ends. Returns its port. */
export async function startPop3Server() {
  const server = start(`${ROOT}.venv/bin/python`, [`${HERE}support/pop3_server.py`, SAMPLES], 'pipe');
  const lines = createInterface(server.stdout);
  const [line] = await Promise.race([once(lines, 'line'), ended(server, 'the POP3 server')]);
  return Number(line);
}

/** Starts a bridge to a port, until the test file ends. Returns its address. */
export async function startBridge(target) {
  const port = await freePort();
  const bridge = start(WEBSOCKIFY, [`127.0.0.1:${port}`, `127.0.0.1:${target}`], 'ignore');
  await Promise.race([answers(port), ended(bridge, 'websockify')]);
  return `ws://127.0.0.1:${port}/`;
}

/** A port that nothing listens on. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function start(program, args, input) {
  const child = spawn(program, args, { stdio: [input, 'pipe', 'pipe'] });
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (child.said += data));
  after(() => child.kill());
  return child;
}

async function ended(child, name) {
  const [code] = await once(child, 'exit');
  throw new Error(`${name} ended with ${code}: ${child.said}`);
}

async function answers(port) {
  const end = Date.now() + STARTS_WITHIN;
  while (Date.now() < end) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      setTimeout(1000, false),
    ]);
    socket.destroy();
    if (isThere) return;
    await setTimeout(50);
  }
  throw new Error(`nothing answers at port ${port} after ${STARTS_WITHIN / 1000} s`);
}
