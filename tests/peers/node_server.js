// SPDX-License-Identifier: BSL-1.0
// Node as a server on 127.0.0.1: `node node_server.js https|echo|hello CERTIFICATE KEY [OPTIONS AS JSON]`. Prints
// "listening on ADDRESS:PORT", and a line of JSON for each connection when it is open and when it has ended.
"use strict";
const fs = require("node:fs");
const https = require("node:https");
const tls = require("node:tls");

const [kind, cert, key, json] = process.argv.slice(2);
const options = json ? JSON.parse(json) : {};
const settings = {
  cert: fs.readFileSync(cert), key: fs.readFileSync(key), minVersion: options.version, maxVersion: options.version,
  ca: options.ca && fs.readFileSync(options.ca), requestCert: Boolean(options.ca), rejectUnauthorized: true,
  allowHalfOpen: true,
};
const say = (what) => console.log(JSON.stringify(what));
const body = Buffer.alloc(options.size ?? 0);
for (let i = 0; i < body.length; ++i) body[i] = Math.imul(i % 65521, 2654435761) >>> 24;

function talk(socket) {
  say({ open: socket.getProtocol(), resumed: socket.isSessionReused(), peer: socket.getPeerCertificate()?.subject?.CN ?? "" });
  socket.on("error", (error) => say({ error: error.code }));
  socket.on("close", () => say({ closed: true }));
  if (kind === "echo") socket.pipe(socket); // ends when the other side does
  // Not before it has heard something: in a full TLS 1.3 handshake Node forgets the close_notify of an end() at once.
  if (kind === "hello") socket.once("data", () => socket.end("hello"));
}

const server = kind === "https"
  ? https.createServer(settings, (request, answer) => {
    if (request.method === "POST") return request.pipe(answer);
    return answer.end(body);
  })
  : tls.createServer(settings, talk);
let connections = 0;
server.on("secureConnection", () => { if (kind === "https") say({ connections: ++connections }); });
server.on("tlsClientError", (error) => say({ refused: error.code }));
server.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
