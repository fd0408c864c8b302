import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange, Pairs, SeenExchange } from './case.ts'
import { fold, piecesOf } from './message.ts'
import { taken } from './taken.ts'

export const PATIENCE_MS = 4_000
/** Long enough for a proxy to pass on one piece of a body before the next is sent. */
export const PIECE_MS = 80

/** Where a listener is: a socket, or a port of this machine. */
export type Place = { readonly path: string } | { readonly port: number }

/** Sends one request to a listener and gives what came back; status 0 when nothing did. */
export function send(place: Place, exchange: Exchange, patienceMs = PATIENCE_MS): Promise<SeenExchange> {
  const { method = 'GET', path = '/', headers = [], body, trailers } = exchange.request ?? {}
  const lines = [['host', 'example.test'], ...headers.map(([name, value]) => [name, value])]
  const pieces = body === undefined ? [] : piecesOf(body)
  if (pieces.length === 1 && trailers === undefined) lines.push(['content-length', String(pieces[0].length)])
  else if (pieces.length > 0 || trailers !== undefined) lines.push(['transfer-encoding', 'chunked'])
  if (trailers !== undefined) lines.push(['trailer', trailers.map(([name]) => name).join(',')])
  const seen: SeenExchange = { status: 0, headers: [], body: '', trailers: [], upstream: undefined }
  return new Promise((resolve) => {
    const agent = new Agent({ keepAlive: false })
    const where = 'path' in place ? { socketPath: place.path } : { host: '127.0.0.1', port: place.port }
    const options = { ...where, method, path, agent, setHost: false, setDefaultHeaders: false, timeout: patienceMs }
    const sent = request({ ...options, headers: lines.flat() }, (response) => {
      seen.status = response.statusCode ?? 0
      seen.headers = fold(response.rawHeaders)
      response.on('data', (chunk: Buffer) => {
        seen.body += chunk.toString('latin1')
      })
      response.on('close', () => {
        seen.trailers = fold(response.rawTrailers)
        if (!response.complete) seen.body += '[cut]'
        resolve(seen)
      })
      response.on('error', () => {})
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve(seen))
    write(sent, pieces, trailers).catch(() => {})
  })
}

async function write(
  sent: ReturnType<typeof request>,
  pieces: readonly string[],
  trailers: Pairs | undefined,
): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await apart(sent.socket)
    sent.write(Buffer.from(piece, 'latin1'))
  }
  if (trailers !== undefined) sent.addTrailers(Object.fromEntries(trailers))
  sent.end()
}

/** The pause between two pieces. */
async function apart(socket: Socket | null): Promise<void> {
  await sleep(PIECE_MS)
  if (socket !== null) await taken(socket)
}

/** Sends bytes over plain TCP, half-closes, and gives what came back until the end. */
export function sendBytes(place: Place, exchange: Exchange): Promise<SeenExchange> {
  const seen: SeenExchange = { status: 200, headers: [], body: '', trailers: [], upstream: undefined }
  return new Promise((resolve) => {
    const socket = connect({
      ...('path' in place ? place : { host: '127.0.0.1', port: place.port }),
      allowHalfOpen: true,
    })
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
    socket.on('data', (chunk) => {
      seen.body += chunk.toString('latin1')
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => {
      seen.body += '[reset]'
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(seen)
    })
    const pieces = piecesOf(exchange.request?.body ?? '')
    socket.on('connect', async () => {
      for (const piece of pieces) {
        socket.write(Buffer.from(piece, 'latin1'))
        await apart(socket)
      }
      await sleep(PIECE_MS)
      socket.end()
    })
  })
}
