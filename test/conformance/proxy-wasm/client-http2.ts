import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange, SeenExchange } from './case.ts'
import { PATIENCE_MS, PIECE_MS, type Place } from './client.ts'
import { piecesOf } from './message.ts'

/** Long enough for a request to have come as far as it does. */
const RESET_MS = 300

/** Sends one request to a listener over HTTP/2 and gives what came back; status 0 when nothing did. */
export function sendHttp2(place: Place, exchange: Exchange, patienceMs = PATIENCE_MS): Promise<SeenExchange> {
  const { method = 'GET', path = '/', headers = [], body, trailers, resets } = exchange.request ?? {}
  const seen: SeenExchange = { status: 0, headers: [], body: '', trailers: [], upstream: undefined }
  return new Promise((resolve) => {
    const session = connect('http://example.test', { createConnection: () => connectSocket(socketOf(place)) })
    const done = () => {
      session.destroy()
      resolve(seen)
    }
    session.on('error', done)
    const lines: Record<string, string> = { ':method': method, ':path': path, ...Object.fromEntries(headers) }
    const endStream = body === undefined && trailers === undefined
    const stream = session.request(lines, { endStream, waitForTrailers: trailers !== undefined })
    stream.setTimeout(resets === undefined ? patienceMs : RESET_MS, () => stream.close(resets))
    stream.on('error', () => {})
    stream.on('response', (got) => {
      seen.status = got[':status'] ?? 0
      seen.headers = pairsOf(got)
    })
    stream.on('data', (chunk: Buffer) => {
      seen.body += chunk.toString('latin1')
    })
    stream.on('trailers', (got) => {
      seen.trailers = pairsOf(got)
    })
    stream.on('close', () => {
      if (stream.rstCode !== 0 && seen.status !== 0) seen.body += '[cut]'
      done()
    })
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(Object.fromEntries(trailers)))
    if (!endStream) void write(session, stream, body === undefined ? [] : piecesOf(body))
  })
}

function socketOf(place: Place) {
  return 'path' in place ? place : { host: '127.0.0.1', port: place.port }
}

/** The end comes apart from the last piece, as it does in HTTP/1.1. */
async function write(session: ClientHttp2Session, stream: ClientHttp2Stream, pieces: readonly string[]): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await sleep(PIECE_MS)
    if (session.destroyed || stream.destroyed) return
    stream.write(Buffer.from(piece, 'latin1'))
  }
  await sleep(PIECE_MS)
  if (!stream.destroyed) stream.end()
}

function pairsOf(headers: IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]): [string, string][] => {
    if (name.startsWith(':') || value === undefined) return []
    return (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, one])
  })
}
