/** Makes one connection and tells which chain answered it. */
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { Connection } from './trial.ts'

/** Beyond the time that listener filters get. */
const PATIENCE_MS = 8000
const PAUSE_MS = 30

/** `c1`: that chain answered; `closed`: none did. */
export async function outcome(connection: Connection, port: number, sourcePort: number): Promise<string> {
  const { from, to, bound, proxy = '', says, cut } = connection
  const said = 'text' in says ? Buffer.from(says.text, 'latin1') : hello(says.serverName, says.protocols)
  const bytes = Buffer.concat([Buffer.from(proxy, 'latin1'), said])
  const socket = connect({ host: to, port, localAddress: from, ...(bound === true ? { localPort: sourcePort } : {}) })
  let got = ''
  let failed = ''
  socket.on('error', (error: NodeJS.ErrnoException) => (failed = error.code ?? ''))
  const over = new Promise<boolean>((resolve) => {
    socket.on('data', (data) => {
      got += data.toString('latin1')
      if (got.endsWith('>')) resolve(true)
    })
    socket.once('close', () => resolve(true))
  })
  if (cut === undefined) socket.write(bytes)
  else {
    socket.write(bytes.subarray(0, cut))
    await sleep(PAUSE_MS)
    socket.write(bytes.subarray(cut))
  }
  const waiting = new AbortController()
  const closed = await Promise.race([over, sleep(PATIENCE_MS, false, { signal: waiting.signal }).catch(() => false)])
  waiting.abort()
  socket.destroy()
  const named = /^<(.*)>$/.exec(got)
  if (named !== null) return named[1]
  if (failed !== '' && failed !== 'ECONNRESET' && failed !== 'EPIPE') return failed
  return `${closed ? 'closed' : 'open'}${got === '' ? '' : ` ${got}`}`
}

/** The first bytes of a TLS client. */
function hello(serverName: string | undefined, protocols: readonly string[]): Buffer {
  let first = Buffer.alloc(0)
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      first = Buffer.concat([first, chunk])
      done()
    },
  })
  const client = connectTls({
    socket: wire,
    ALPNProtocols: [...protocols],
    ...(serverName === undefined ? {} : { servername: serverName }),
  })
  client.on('error', () => {})
  client.destroy()
  return first
}
