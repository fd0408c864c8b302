import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FrameReader, PREFACE, ping, SETTINGS_ACK, settings } from '../../conformance/http2/frames.ts'
import { within } from '../../within.ts'
import { bytesOf } from './bytes.ts'
import { Heard } from './heard.ts'
import type { Trial } from './trial.ts'

const PAUSE_MS = 5
/** Answers are there by then. */
const REST_MS = 40
const PATIENCE_MS = 400
const LAST = 'the last'

/** Sends what a trial says, and tells by fact what came back, whether the connection lives on, and how many pieces had gone when it ended. */
export async function play(port: number, trial: Trial): Promise<Map<string, string>> {
  const heard = new Heard()
  const reader = new FrameReader()
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  socket.on('error', () => {})
  socket.on('end', () => (heard.closed = true))
  socket.on('close', () => (heard.closed = true))
  socket.on('data', (chunk) => {
    for (const frame of reader.read(chunk)) heard.take(frame)
  })
  await within(`a connection to ${port}`, once(socket, 'connect'))
  socket.write(Buffer.concat([PREFACE, settings(trial.settings)]))
  await until(() => heard.greeted || heard.closed)
  socket.write(SETTINGS_ACK)
  let together: Buffer[] = []
  const flush = () => {
    if (together.length > 0) socket.write(Buffer.concat(together))
    together = []
  }
  let sent = 0
  for (const piece of trial.pieces) {
    if (!heard.over) sent++
    if (piece === 'rest') {
      flush()
      await sleep(REST_MS)
      continue
    }
    together.push(bytesOf(piece))
    if (!trial.slow) continue
    flush()
    await sleep(PAUSE_MS)
  }
  flush()
  await sleep(REST_MS)
  if (!heard.closed) socket.write(ping(LAST))
  await until(() => heard.pongs.includes(LAST) || heard.over)
  const facts = heard.told()
  facts.set('client.connection', heard.goaway || (heard.pongs.includes(LAST) ? 'alive' : 'closed'))
  facts.set('sent', String(sent))
  facts.set('client.pongs', String(heard.pongs.filter((pong) => pong !== LAST).length))
  socket.destroy()
  return facts
}

async function until(done: () => boolean): Promise<void> {
  for (const giveUp = Date.now() + PATIENCE_MS; !done() && Date.now() < giveUp; ) await sleep(2)
}
