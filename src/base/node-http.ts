/**
 * What of `node:http` threads of their own and small programs use. An `import` from it would make Node read everything that the module
 * exports, and for `WebSocket` load undici: 35 ms and 12 MB in each process and thread.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
