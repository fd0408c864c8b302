/** A client of a trial: what it comes to know of its connection, and of the one request that it makes. */
import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Catalogue } from './catalogue.ts'
import { peerOptions } from './peer-options.ts'
import type { Connection } from './trial.ts'

const PATIENCE_MS = 4000

/** Fact by fact. */
export type Facts = Map<string, string>

export async function visit(port: number, connection: Connection, n: number, catalogue: Catalogue): Promise<Facts> {
  const facts: Facts = new Map()
  const socket = open(port, connection, catalogue)
  const ready = await becomes(socket, connection.tls === undefined ? 'connect' : 'secureConnect')
  if (!ready) {
    socket.destroy()
    return facts.set('answer', 'none')
  }
  const secure = connection.tls === undefined ? undefined : (socket as TLSSocket)
  const seen = secure === undefined ? [] : sessionFacts(secure, catalogue)
  const answer = await (secure?.alpnProtocol === 'h2' ? overHttp2 : overHttp1)(socket, connection, n)
  socket.destroy()
  // In TLS 1.3 a client may be done before it hears that it is refused, and then has seen the server all the same.
  for (const [name, value] of answer === 'none' ? [] : seen) facts.set(name, value)
  return facts.set('answer', answer)
}

function sessionFacts(secure: TLSSocket, catalogue: Catalogue): readonly (readonly [string, string])[] {
  const shown = secure.getPeerX509Certificate()
  return [
    ['version', secure.getProtocol() ?? ''],
    ['cipher', secure.getCipher().standardName],
    ['protocol', String(secure.alpnProtocol)],
    ['shown', shown === undefined ? 'none' : catalogue.nameOf(shown.fingerprint256)],
  ]
}

function open(port: number, { tls }: Connection, catalogue: Catalogue): Socket {
  const where = { port, host: '127.0.0.1' }
  if (tls === undefined) return connectPlain(where).on('error', () => {})
  const { serverName } = tls
  const named = serverName === undefined ? {} : { servername: serverName }
  return connect({ ...where, ...peerOptions(tls, catalogue), ...named, rejectUnauthorized: false }).on(
    'error',
    () => {},
  )
}

function becomes(socket: Socket, event: 'connect' | 'secureConnect'): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (good: boolean) => {
      clearTimeout(giveUp)
      resolve(good)
    }
    const giveUp = setTimeout(() => settle(false), PATIENCE_MS)
    socket.once(event, () => settle(true)).once('close', () => settle(false))
  })
}

function overHttp1(socket: Socket, { host, forwarded }: Connection, n: number): Promise<string> {
  const more = forwarded === undefined ? '' : `x-forwarded-client-cert: ${forwarded}\r\n`
  socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nx-n: ${n}\r\n${more}connection: close\r\n\r\n`)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  return whenClosed(socket, () => {
    const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1]
    return status === undefined ? 'none' : `${status} ${/<.*>/.exec(text)?.[0] ?? ''}`
  })
}

function overHttp2(socket: Socket, { host, forwarded }: Connection, n: number): Promise<string> {
  const headers: OutgoingHttpHeaders = { ':authority': host, 'x-n': String(n) }
  if (forwarded !== undefined) headers['x-forwarded-client-cert'] = forwarded
  const session = connectHttp2(`https://${host}`, { createConnection: () => socket }).on('error', () => {})
  let [status, text] = ['', '']
  const request = session.request(headers)
  request.setEncoding('latin1').on('error', () => {})
  request.on('response', (told) => {
    status = String(told[':status'])
  })
  request.on('data', (chunk: string) => {
    text += chunk
  })
  request.once('close', () => session.close())
  return whenClosed(socket, () => (status === '' ? 'none' : `${status} ${/<.*>/.exec(text)?.[0] ?? ''}`))
}

function whenClosed(socket: Socket, tell: () => string): Promise<string> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => resolve(tell()), PATIENCE_MS)
    const over = () => {
      clearTimeout(giveUp)
      resolve(tell())
    }
    if (socket.closed) over()
    else socket.once('close', over)
  })
}
