/** A client of HTTP/2 with prior knowledge: several requests at once on one connection. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Send } from './case.ts'
import type { Seen } from './client.ts'
import type { Message } from './message.ts'

const LIMIT_MS = 6_000
const FLUSH_MS = 10

export function performHttp2(port: number, requests: readonly Send[]): Promise<Seen> {
  return onConnection(port, (session) => requests.map((send) => ask(session, headersOf(send), send)))
}

/** The answers of what is asked on a connection of its own, in the order of the requests. */
export async function onConnection(
  port: number,
  begin: (session: ClientHttp2Session) => Promise<Message>[],
): Promise<Seen> {
  const session = connect(`http://127.0.0.1:${port}`).on('error', () => {})
  const responses = await Promise.all(begin(session))
  // What was sent last, as a RST_STREAM, has to leave.
  await sleep(FLUSH_MS)
  session.destroy()
  return { responses, rest: '', closed: false }
}

/** One request. An answer that does not come begins with what was wrong. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  { body, chunks, trailers, then }: Omit<Send, 'headers'>,
): Promise<Message> {
  // Else Node ends the request in front of its RST_STREAM.
  const waitForTrailers = trailers !== undefined || then?.reset !== undefined
  return new Promise((resolve) => {
    let [start, text] = ['', '']
    let [head, foot]: Message['headers'][] = [[], []]
    const done = (problem: string) => {
      clearTimeout(timer)
      session.off('error', broken)
      const message = { start: start || problem, headers: head, spelt: '', body: text, trailers: foot }
      resolve(problem === '' ? { ...message, complete: true } : { ...message, complete: false, cut: problem })
    }
    const broken = () => done('connection error')
    const timer = setTimeout(done, LIMIT_MS, 'no answer')
    session.once('error', broken)
    const pieces = chunks ?? (body === undefined ? [] : [body])
    const bare = pieces.length === 0 && trailers === undefined && then === undefined
    let stream: ClientHttp2Stream
    try {
      stream = session.request(headers, { endStream: bare, waitForTrailers })
    } catch {
      // Node does not send it: the same for both.
      done('not sent')
      return
    }
    stream.on('response', (answer, _flags, raw: string[] = []) => {
      start = `HTTP/2 ${answer[':status']}`
      head = pairs(raw)
    })
    stream.on('trailers', (_, _flags, raw: string[] = []) => (foot = pairs(raw)))
    if (trailers !== undefined)
      stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers } as OutgoingHttpHeaders))
    stream.setEncoding('latin1').on('data', (data: string) => (text += data))
    stream.on('error', () => {})
    stream.on('close', () => done(stream.rstCode === 0 ? '' : `reset ${stream.rstCode}`))
    if (!bare) void send(stream, pieces, then)
  })
}

async function send(stream: ClientHttp2Stream, pieces: readonly string[], then: Send['then']): Promise<void> {
  for (const piece of pieces) stream.write(piece, 'latin1')
  if (then !== undefined) {
    await sleep(then.afterMs)
    if (stream.destroyed) return
    if (then.reset !== undefined) {
      stream.close(then.reset)
      return
    }
    stream.write(then.raw ?? '', 'latin1')
  }
  stream.end()
}

function headersOf({ method = 'GET', path = '/', host = 'a.example', headers, body }: Send): OutgoingHttpHeaders {
  return {
    ...(body === undefined ? {} : { 'content-length': String(body.length) }),
    ':method': method,
    ':path': path,
    ':scheme': 'http',
    ':authority': host,
    ...(headers as OutgoingHttpHeaders | undefined),
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]] as [string, string]] : []))
}
