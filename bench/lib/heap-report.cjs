/** Preloaded into each thread of a proxy: after a while it collects all garbage and says how much is left. */
const { threadId } = require('node:worker_threads')

setTimeout(() => {
  globalThis.gc()
  process.stderr.write(`heap of thread ${threadId}: ${process.memoryUsage().heapUsed} bytes\n`)
}, Number(process.env['HEAP_REPORT_MS'])).unref()
