/** Plays the client and the upstream of a clause. */
import { connect } from 'node:net'
import { type Running, rawUpstream } from '../../../src/proxy/testing.ts'
import type { Clause } from './clause.ts'

const HELLO = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello'
/** How long to wait for what should come, and for what should not. */
const PATIENCE_MS = 4000
const QUIET_MS = 150

export interface Recorder extends Running {
  /** All bytes that have arrived. */
  text(): string
}

/** Keeps what it gets and answers each whole request. */
export async function recorder({ reply = HELLO }: Clause): Promise<Recorder> {
  let all = ''
  const up = await rawUpstream((socket) => {
    let open = ''
    socket.on('data', (data) => {
      all += data.toString('latin1')
      open += data.toString('latin1')
      for (let end = endOf(open); end > 0; end = endOf(open)) {
        open = open.slice(end)
        socket.write(reply, 'latin1')
        // What has no length of its own ends with the connection.
        if (!/content-length|transfer-encoding|HTTP\/1.1 (204|304|1\d\d)/i.test(reply)) socket.end()
      }
    })
  })
  return { port: up.port, close: () => up.close(), text: () => all }
}

/** The length of the first message, or 0 while it is not whole. */
function endOf(text: string): number {
  const head = text.indexOf('\r\n\r\n') + 4
  if (head === 3) return 0
  const fields = text.slice(0, head)
  if (/\r\ntransfer-encoding: *chunked\r\n/i.test(fields)) {
    const last = /(?:^|\r\n)0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(head))
    return last === null ? 0 : head + last.index + last[0].length
  }
  const length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(fields)?.[1] ?? 0)
  return text.length >= head + length ? head + length : 0
}

export interface Outcome {
  readonly outcome: string | undefined
  readonly seen: string
}

export async function play(one: Clause, port: number, upstream: Recorder): Promise<Outcome> {
  const expected = one.statuses.split('|')
  const text = await exchange(
    port,
    one.send,
    Math.min(...expected.map((list) => list.split(' ').filter(Boolean).length)),
  )
  const statuses = statusesOf(text)
  const got = upstream.text()
  const misses = [
    ...(expected.includes(statuses) ? [] : [`not ${one.statuses}`]),
    ...(one.client ?? []).filter((pattern) => !pattern.test(text)).map((pattern) => `client lacks ${pattern}`),
    ...(one.clientNot ?? []).filter((pattern) => pattern.test(text)).map((pattern) => `client has ${pattern}`),
    ...(one.upstream ?? []).filter((pattern) => !pattern.test(got)).map((pattern) => `upstream lacks ${pattern}`),
    ...(one.upstreamNot ?? []).filter((pattern) => pattern.test(got)).map((pattern) => `upstream has ${pattern}`),
    ...(one.kept && got !== '' ? ['upstream was asked'] : []),
  ]
  const seen = [statuses === '' ? 'no answer' : statuses, ...misses].join(', ')
  return { outcome: misses.length === 0 ? `answered ${statuses}` : undefined, seen }
}

/** Of the messages' first lines: what a body holds may look like one. */
function statusesOf(text: string): string {
  return [...text.matchAll(/HTTP\/1\.[01] (\d+)[^\r\n]*\r\n/g)].map(([, status]) => status).join(' ')
}

/** All that comes until the proxy closes, or is silent once there are as many answers as there have to be. */
function exchange(port: number, bytes: string, answers: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const done = () => {
      clearTimeout(deadline)
      clearTimeout(quiet)
      socket.destroy()
      resolve(text)
    }
    const deadline = setTimeout(done, PATIENCE_MS)
    let quiet: NodeJS.Timeout | undefined
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      clearTimeout(quiet)
      if (statusesOf(text).split(' ').filter(Boolean).length >= answers) quiet = setTimeout(done, QUIET_MS)
    })
    socket.on('error', done)
    socket.on('close', done)
    socket.on('connect', () => socket.write(bytes, 'latin1'))
  })
}
