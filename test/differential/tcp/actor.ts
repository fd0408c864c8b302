/** Does what a script says on a socket, and tells what came of it. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Script } from './trial.ts'

/** Beyond the longest time that a trial sets. */
const PATIENCE_MS = 1500
const REST_MS = 60

export async function act(socket: Socket, script: Script): Promise<string> {
  let heard = 0
  let ended = false
  let failed = ''
  let closed = false
  let wake = () => {}
  socket.on('data', (data) => {
    heard += data.length
    wake()
  })
  socket.on('end', () => {
    ended = true
    wake()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => (failed = error.code ?? error.message))
  socket.on('close', () => {
    closed = true
    wake()
  })
  const giveUp = Date.now() + PATIENCE_MS
  const until = async (done: () => boolean) => {
    while (!closed && !done() && Date.now() < giveUp) {
      const waiting = new AbortController()
      const woken = new Promise<void>((resolve) => (wake = resolve))
      await Promise.race([woken, sleep(giveUp - Date.now(), undefined, { signal: waiting.signal }).catch(() => {})])
      waiting.abort()
    }
  }
  for (const step of script) {
    if (closed) break
    if (step === 'end') socket.end()
    else if (step === 'reset') socket.resetAndDestroy()
    else if (step === 'rest') await sleep(REST_MS)
    else if (step === 'heed') await until(() => ended)
    else if ('say' in step) socket.write(Buffer.alloc(step.say, 'x'))
    else await until(() => heard >= step.hear)
  }
  await until(() => false)
  const outcome = closed ? failed || 'closed' : 'open'
  socket.destroy()
  return `${heard} bytes${ended ? ', their end' : ''}, ${outcome}`
}
