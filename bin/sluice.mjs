#!/usr/bin/env node
/**
 * The launcher. It runs on whatever Node the machine has and hands over to the Node that was installed with Sluice,
 * because Sluice needs Node 24 (TypeScript without a build step, node:sqlite) and many machines have 20.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { COMPILE_CACHE } from './compile-cache.mjs'
import { V8_POOL } from './v8-pool.mjs'

const NEEDED = 24
const here = dirname(fileURLToPath(import.meta.url))
const source = join(here, '../src/cli/main.ts')
const main = existsSync(source) ? source : join(here, '../dist/src/cli/main.js')

// The environment takes it to the processes of Pods.
process.env['NODE_COMPILE_CACHE'] = COMPILE_CACHE

/**
 * Flags that a long run is started with. V8 lets the young generation grow to 64 MB while modules load, and never gives it back
 * (RATIONALE.md). Only a flag at the start of the process does it for the main thread; data threads get a larger one
 * (src/proxy/main/heap-flags.ts). An `--import` holds for all threads.
 */
const YOUNG = { proxy: '--max-semi-space-size=2', agent: '--max-semi-space-size=2', up: '--max-semi-space-size=8' }
const young = YOUNG[process.argv[2]]
const pool = chosen('v8-pool-size') ? [] : [V8_POOL]
const flags = young ? [young, ...pool, `--import=${new URL('./plain-paths.mjs', import.meta.url)}`] : []

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  // This file, or the user, has said how large it may be.
  if (young && !chosen('-semi-space-size'))
    process.execve?.(process.execPath, [process.execPath, ...flags, ...process.execArgv, ...process.argv.slice(1)])
  module.enableCompileCache()
  await import(pathToFileURL(main).href)
} else {
  const child = spawn(node24(), [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}

/** Whether this process was started with a flag. */
function chosen(name) {
  return `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`.includes(name)
}

function node24() {
  const name = `node-${process.platform}-${process.arch}`
  try {
    return module.createRequire(import.meta.url).resolve(`${name}/bin/node`)
  } catch {
    console.error(
      `SL6002: Sluice needs Node ${NEEDED} and this is ${process.version}; the package ${name} that carries it is not installed.\n` +
        `  hint: install again without --omit=optional, or run Sluice with a Node ${NEEDED} of your own`,
    )
    process.exit(1)
  }
}
