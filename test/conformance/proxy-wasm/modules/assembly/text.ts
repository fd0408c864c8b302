// Strings here hold one byte per character: what the host sends is bytes.
import { log } from './host'

export function read(p: usize, l: u32): string {
  let s = ''
  for (let i: u32 = 0; i < l; i++) s += String.fromCharCode(load<u8>(p + i))
  return s
}

/** A copy of the characters as bytes; it is never freed (the runtime has no collector, and modules live for seconds). */
export function bytes(s: string): usize {
  const p = heap.alloc(s.length == 0 ? 1 : s.length)
  for (let i = 0; i < s.length; i++) store<u8>(p + i, <u8>s.charCodeAt(i))
  return p
}

export function say(s: string): void {
  log(2, bytes(s), s.length)
}

/** Printable ASCII as it is, everything else as \xNN. */
export function show(s: string): string {
  let out = ''
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i)
    if (c >= 0x20 && c < 0x7f) out += String.fromCharCode(c)
    else out += '\\x' + (c < 16 ? '0' : '') + c.toString(16)
  }
  return out
}

function word(n: u32): string {
  return (
    String.fromCharCode(n & 255) +
    String.fromCharCode((n >> 8) & 255) +
    String.fromCharCode((n >> 16) & 255) +
    String.fromCharCode(n >> 24)
  )
}

/** `a=b;c=d` in the wire form of a header map. */
export function pairs(text: string): string {
  if (text.length == 0) return ''
  const items = text.split(';')
  let head = word(items.length)
  let body = ''
  for (let i = 0; i < items.length; i++) {
    const eq = items[i].indexOf('=')
    const k = items[i].substring(0, eq)
    const v = items[i].substring(eq + 1)
    head += word(k.length) + word(v.length)
    body += k + '\0' + v + '\0'
  }
  return head + body
}

function at(s: string, i: i32): i32 {
  return s.charCodeAt(i) | (s.charCodeAt(i + 1) << 8) | (s.charCodeAt(i + 2) << 16) | (s.charCodeAt(i + 3) << 24)
}

/** The inverse of `pairs`, for the log. */
export function unpairs(s: string): string {
  if (s.length == 0) return ''
  const n = at(s, 0)
  let p = 4 + n * 8
  let out = ''
  for (let i = 0; i < n; i++) {
    const k = at(s, 4 + i * 8)
    const v = at(s, 8 + i * 8)
    if (i > 0) out += ';'
    out += show(s.substr(p, k)) + '=' + show(s.substr(p + k + 1, v))
    p += k + v + 2
  }
  return p == s.length ? out : out + ' (length ' + s.length.toString() + ', expected ' + p.toString() + ')'
}
