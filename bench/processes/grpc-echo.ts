import { serveEcho } from '../load/echo-server.js';

/*
 * grpc-echo BYTES: a grpc-js server without anything behind it. Answers any message with one of BYTES bytes: nothing that grpc-js serves is faster.
 */

const answer = Buffer.alloc(Number(process.argv[2]), 'e');
serveEcho((_call, callback) => callback(null, answer));
