import { perform, type Seen } from '../parity/client.ts'
import { ask, onConnection } from '../parity/http2-client.ts'
import { type Request, TAG } from './trial.ts'

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
  const fields: Record<string, string | string[]> = { ':method': method, ':path': target, ':scheme': 'http' }
  for (const [name, value] of headers) {
    const key = name.toLowerCase() === 'host' ? ':authority' : name.toLowerCase()
    const before = fields[key]
    fields[key] = before === undefined || key.startsWith(':') ? value : [before, value].flat()
  }
  return onConnection(port, (session) => [ask(session, { ...fields, [TAG]: tag }, { body })])
}
