// GET / says hello, POST /echo gives the body back, GET /large/N gives N bytes.
// SPDX-License-Identifier: Apache-2.0
'use strict';

const http = require('http');

const PERIOD = 251; // of the pattern that /large/N gives
const pattern = Buffer.from(Array.from({ length: PERIOD }, (_, i) => 97 + (i % 26)));

function reply(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': body.length });
  response.end(body);
}

function echo(request, response) {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => reply(response, 200, Buffer.concat(parts)));
}

const server = http.createServer((request, response) => {
  const large = /^\/large\/(\d{1,7})$/.exec(request.url);
  if (request.method === 'POST' && request.url === '/echo') {
    echo(request, response);
  } else if (large) {
    reply(response, 200, Buffer.alloc(Number(large[1]), pattern));
  } else {
    reply(response, request.url === '/' ? 200 : 404, Buffer.from('hello\n'));
  }
});

process.on('SIGTERM', () => {
  server.close();
  setTimeout(() => server.closeAllConnections(), 2000).unref();
});
server.listen(Number(process.argv[2]));
