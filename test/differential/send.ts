import { connect } from 'node:http2'
import { perform, type Seen } from '../parity/client.ts'
import { type Request, TAG } from './trial.ts'

const LIMIT_MS = 6_000

/** Sends a request on a connection of its own and reads the answer. */
export function send(port: number, request: Request, tag: string): Promise<Seen> {
  return request.version === '2'
    ? sendHttp2(port, request, tag)
    : perform(port, { send: { raw: requestText(request, tag) }, expect: {}, waitMs: 0 })
}

function requestText({ version, method, target, headers, body }: Request, tag: string): string {
  const lines = [...headers, [TAG, tag], ...(body === undefined ? [] : [['content-length', String(body.length)]])]
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `${method} ${target} HTTP/${version}\r\n${head}\r\n${body ?? ''}`
}

function sendHttp2(port: number, { method, target, headers, body }: Request, tag: string): Promise<Seen> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`)
    const fields: Record<string, string | string[]> = { ':method': method, ':path': target, ':scheme': 'http' }
    for (const [name, value] of headers) {
      const key = name.toLowerCase() === 'host' ? ':authority' : name.toLowerCase()
      const before = fields[key]
      fields[key] = before === undefined || key.startsWith(':') ? value : [before, value].flat()
    }
    let head: [string, string][] = []
    let trailers: [string, string][] = []
    let text = ''
    let start = ''
    const done = (problem: string) => {
      clearTimeout(timer)
      session.destroy()
      const complete = problem === ''
      const message = { start: start || problem, headers: head, spelt: '', body: text, trailers, complete }
      resolve({ responses: [message], rest: '', closed: false })
    }
    const timer = setTimeout(done, LIMIT_MS, 'no answer')
    session.on('error', () => done('connection error'))
    try {
      const stream = session.request({ ...fields, [TAG]: tag }, { endStream: body === undefined })
      stream.on('response', (answer, _flags, raw: string[] = []) => {
        start = `HTTP/2 ${answer[':status']}`
        head = pairs(raw)
      })
      stream.on('trailers', (_, _flags, raw: string[] = []) => {
        trailers = pairs(raw)
      })
      stream.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk
      })
      stream.on('error', () => {})
      stream.on('close', () => done(stream.rstCode === 0 ? '' : `reset ${stream.rstCode}`))
      if (body !== undefined) stream.end(body, 'latin1')
    } catch {
      // Node does not send it: the same for both.
      done('not sent')
    }
  })
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]] as [string, string]] : []))
}
