/** An HTTP/2 server of raw frames behind a proxy, and the HTTP/1.1 client in front of it. */
import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Step } from './case.ts'
import { FrameReader, PREFACE, ping, SETTINGS_ACK, settings, Type } from './frames.ts'
import { Seen } from './seen.ts'

export interface HostileCase {
  readonly id: string
  readonly clause: string
  readonly what: string
  /** What is sent when the head of the request is here; the request's stream is 1. */
  readonly send: readonly Step[]
  /** What the client may get: `200`, `200 broken`, `503`, …; with a choice as a pattern. */
  readonly client: RegExp
  /** Whether the connection has to end, or to live on; otherwise it does not matter. */
  readonly then?: 'gone' | 'alive'
  /** Sent instead of settings when the connection begins. */
  readonly greeting?: Buffer
  readonly method?: 'POST' | 'HEAD'
}

/** How long the proxy may take for its answer and for the end of the connection. */
const PATIENCE_MS = 4000

export class HostilePeer {
  readonly #case: HostileCase
  readonly #server = createServer((socket) => this.#serve(socket))
  readonly sockets = new Set<Socket>()
  /** What became of the connection that had the request. */
  readonly fate: Promise<'gone' | 'alive' | 'silent'>
  #tell!: (fate: 'gone' | 'alive' | 'silent') => void

  constructor(one: HostileCase) {
    this.#case = one
    this.fate = new Promise((resolve) => {
      this.#tell = resolve
    })
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    const seen = new Seen()
    const reader = new FrameReader()
    const steps = [...this.#case.send]
    let skip = PREFACE.length
    let begun = false
    const advance = () => {
      while (begun && steps.length > 0 && !socket.destroyed) {
        const [step] = steps
        if (typeof step === 'function') {
          if (!step(seen)) return
        } else if (typeof step === 'number') {
          begun = false
          setTimeout(() => {
            begun = true
            advance()
          }, step)
        } else socket.write(step)
        steps.shift()
        if (steps.length === 0 && !socket.destroyed) socket.write(ping('after it'))
      }
      if (seen.goaway !== undefined && seen.goaway !== 0) this.#tell('gone')
      else if (seen.pongs.includes('after it')) this.#tell('alive')
    }
    this.sockets.add(socket)
    setTimeout(() => this.#tell('silent'), PATIENCE_MS).unref()
    socket.write(this.#case.greeting ?? settings([]))
    socket.on('error', () => {})
    socket.on('end', () => this.#tell('gone'))
    socket.on('close', () => {
      this.sockets.delete(socket)
      this.#tell('gone')
    })
    socket.on('data', (chunk) => {
      const rest = chunk.subarray(Math.min(skip, chunk.length))
      skip -= chunk.length - rest.length
      for (const frame of reader.read(rest)) {
        seen.take(frame)
        if (frame.type === Type.SETTINGS && (frame.flags & 1) === 0) socket.write(SETTINGS_ACK)
        if (frame.type === Type.HEADERS) begun = true
      }
      advance()
    })
  }
}

/** What an HTTP/1.1 client gets: `200`, with ` broken` behind when the answer does not end, or `broken` alone. */
export function ask(port: number, one: HostileCase): Promise<string> {
  return new Promise((resolve) => {
    let status = ''
    const interim: string[] = []
    const done = (how: string) => {
      clearTimeout(timer)
      call.destroy()
      resolve([...interim, status, how].filter((word) => word !== '').join(' '))
    }
    const call = request({ host: '127.0.0.1', port, path: `/${one.id}/`, method: one.method ?? 'GET', agent: false })
    const timer = setTimeout(() => done('unfinished'), PATIENCE_MS)
    call.on('information', (info) => interim.push(String(info.statusCode)))
    call.on('response', (response) => {
      status = String(response.statusCode)
      response.resume()
      response.on('end', () => done(response.complete ? '' : 'broken'))
      response.on('error', () => done('broken'))
    })
    call.on('error', () => done('broken'))
    // The answer may come before the request has ended.
    if (one.method === 'POST') call.write('begun')
    else call.end()
  })
}
