/** Plays the client of one case. */
import { connect } from 'node:net'
import type { Case } from './case.ts'
import { FrameReader, PREFACE, ping, SETTINGS_ACK, Setting, settings } from './frames.ts'
import { Seen } from './seen.ts'

/** How long the peer may take; only what fails takes so long. */
const PATIENCE_MS = 4000

export interface Result {
  /** The expectation's word, or undefined where it is not met. */
  readonly outcome: string | undefined
  /** What was seen, for people. */
  readonly seen: string
}

/** Sends what the case says and watches until its expectation is met or can be no more. */
export function play(port: number, one: Case): Promise<Result> {
  return new Promise((resolve) => {
    const seen = new Seen()
    const reader = new FrameReader()
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const steps = [...(one.bare === true ? [] : [ready]), ...one.send, ...(one.expect.asks ? [ping('after it')] : [])]
    let done = false
    let waiting = false
    let greeted = one.bare === true

    const finish = () => {
      if (done) return
      done = true
      clearTimeout(timer)
      resolve({ outcome: one.expect.outcome(seen), seen: String(seen) })
      socket.destroy()
    }
    const timer = setTimeout(finish, PATIENCE_MS)

    const advance = () => {
      while (steps.length > 0 && !seen.closed) {
        const [step] = steps
        if (typeof step === 'function') {
          if (!step(seen)) return
          if (!greeted) {
            greeted = true
            socket.write(SETTINGS_ACK)
            if (one.deaf === true) socket.pause()
          }
        } else if (typeof step === 'number') {
          if (!waiting) setTimeout(awake, step)
          waiting = true
          return
        } else socket.write(step)
        steps.shift()
      }
      if (socket.isPaused()) socket.resume()
      if (one.expect.outcome(seen) !== undefined || seen.closed) finish()
    }

    const awake = () => {
      waiting = false
      steps.shift()
      if (!done) advance()
    }

    socket.on('connect', () => {
      if (one.bare !== true) {
        const own = [[Setting.HEADER_TABLE_SIZE, 0] as const, ...(one.settings ?? [])]
        socket.write(Buffer.concat([PREFACE, settings(own)]))
      }
      advance()
    })
    socket.on('data', (chunk) => {
      for (const frame of reader.read(chunk)) seen.take(frame)
      if (!done) advance()
    })
    socket.on('error', () => {})
    socket.on('end', () => {
      seen.closed = true
      finish()
    })
    socket.on('close', () => {
      seen.closed = true
      finish()
    })
  })
}

/** The peer's settings are here and it has taken ours. */
function ready(seen: Seen): boolean {
  return seen.hasSettings && seen.acks > 0
}
