/** What Envoy's http_inspector makes of the first bytes of a connection. */

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** It looks at no more, and closes the connection of a first line that is not over by then. */
const MOST = 64 * 1024

type Protocol = 'http/1.0' | 'http/1.1' | 'h2c' | 'none' | 'too long'

/** The protocol for `application_protocols`; undefined: more bytes are needed, as was told of the first `seen` ones. */
export function inspectHttp(bytes: Buffer, seen = 0): Protocol | undefined {
  if (seen >= PREFACE.length && bytes.length < MOST && goesOn(bytes, seen)) return undefined
  const text = bytes.toString('latin1', 0, MOST)
  if (text.startsWith(PREFACE)) return 'h2c'
  if (PREFACE.startsWith(text)) return undefined
  const end = text.indexOf('\n')
  const [method = '', target, version = '', ...more] = parts(end === -1 ? text : text.slice(0, end))
  if (!TOKEN.test(method) || !text.startsWith(method)) return 'none'
  if (end === -1) return bytes.length < MOST ? undefined : 'too long'
  if (target === undefined || more.length > 0) return 'none'
  if (!(method === 'CONNECT' ? AUTHORITY : TARGET).test(target) || !VERSION.test(version)) return 'none'
  return version === 'HTTP/1.1' ? 'http/1.1' : 'http/1.0'
}

/** The line is not over, and nothing of it but the method is judged before. So one in small pieces is not read again for each. */
function goesOn(bytes: Buffer, seen: number): boolean {
  if (bytes.indexOf('\n', seen) !== -1) return false
  return TOKEN.test(bytes.latin1Slice(seen)) || hasSpace(bytes, seen)
}

/** The ordinary one first, by a search that makes no text of what may be long. */
function hasSpace(bytes: Buffer, end: number): boolean {
  const at = bytes.indexOf(' ')
  return (at !== -1 && at < end) || SPACE.test(bytes.latin1Slice(0, end))
}

const SPACE = /[\0- ]/
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/
const TARGET = /^(?:[/*]|[A-Za-z][A-Za-z\d+.-]*:\/\/)[!-~]*$/
const AUTHORITY = /^[!-~]+$/
const VERSION = /^(?:HTTP\/\d\.\d)?$/

/** Its parser takes every control character for white space. */
function parts(line: string): string[] {
  const found: string[] = []
  let start = 0
  for (let i = 0; i <= line.length; i++) {
    if (line.charCodeAt(i) > 32) continue
    if (i > start) found.push(line.slice(start, i))
    start = i + 1
  }
  return found
}
