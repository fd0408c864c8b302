// A program is text: sections named after callbacks, each a list of statements. It is the plugin's configuration, so one module
// plays every case. A statement is `return N`, `say …`, `set name value`, `trap`, `spin`, `recurse`, `grow N`, or a host function
// without its prefix and its arguments. `when $name` ends the section where the variable is 0. Arguments are:
//   12 -1 0xfffffff0   a word            7L        a 64-bit value
//   "a\x00b"           pointer, length   m"k=v;l=w"  the same of a serialised map
//   $name              a variable        >u >q >s >m (=name)  out: word, 64 bit, bytes, map
// Each call is logged as: name status outs. A `~` before a statement keeps it silent. `tell N "x"` adds what calls have said since the last
// `tell` as headers x-0, x-1 … to map N; `tell metric "x"` counts them as metrics whose names begin so.
import { call, UNKNOWN } from './calls'
import { addValue, defineMetric, incrementMetric } from './host'
import { bytes, pairs, read, say, show, unpairs } from './text'

export class Program {
  sections: Map<string, string[]> = new Map()
  entered: Map<string, i32> = new Map()
  vars: Map<string, u32> = new Map()
  heard: string[] = []

  constructor(text: string) {
    const lines = text.split('\n')
    let section: string[] = []
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i].trim()
      if (line.length == 0) continue
      if (line.charAt(0) == '[') {
        section = []
        this.sections.set(line.substring(1, line.length - 1), section)
      } else {
        section.push(line)
      }
    }
  }

  run(name: string, otherwise: i32): i32 {
    const times = (this.entered.has(name) ? this.entered.get(name) : 0) + 1
    this.entered.set(name, times)
    const numbered = name + '#' + times.toString()
    const key = this.sections.has(numbered) ? numbered : name
    if (!this.sections.has(key)) return otherwise
    const lines = this.sections.get(key)
    let result = otherwise
    for (let i = 0; i < lines.length; i++) {
      const tokens = tokenize(lines[i])
      if (tokens[0] == 'return') result = <i32>this.number(tokens[1])
      else if (tokens[0] == 'when') {
        if (this.number(tokens[1]) == 0) return result
      } else this.statement(tokens)
    }
    return result
  }

  number(token: string): u32 {
    if (token.charAt(0) == '$') {
      const name = token.substring(1)
      return this.vars.has(name) ? this.vars.get(name) : 0
    }
    return <u32>(<i64>Number.parseInt(token))
  }

  private statement(tokens: string[]): void {
    let name = tokens[0]
    if (name == 'say') return say(this.sentence(tokens))
    if (name == 'set') {
      this.vars.set(tokens[1], this.number(tokens[2]))
      return
    }
    if (name == 'trap') unreachable()
    if (name == 'spin') while (true) {}
    if (name == 'recurse') {
      recurse(1)
      return
    }
    if (name == 'grow') return say('grow ' + memory.grow(this.number(tokens[1])).toString())
    const silent = name.charAt(0) == '~'
    if (silent) name = name.substring(1)
    if (name == 'tell') return this.tell(tokens[1], tokens[2].substring(1))
    const line = this.invoke(name, tokens)
    let asked = ''
    for (let i = 1; i < tokens.length; i++) if (tokens[i].charAt(0) != '>') asked += show(tokens[i]) + ' '
    this.heard.push(asked + line)
    if (!silent) say(line)
  }

  private sentence(tokens: string[]): string {
    let line = ''
    for (let i = 1; i < tokens.length; i++) {
      const token = tokens[i]
      if (i > 1) line += ' '
      line +=
        token.charAt(0) == '$'
          ? this.number(token).toString()
          : token.charAt(0) == '"'
            ? show(token.substring(1))
            : token
    }
    return line
  }

  private tell(where: string, name: string): void {
    const all = this.heard
    this.heard = []
    for (let i = 0; i < all.length; i++) {
      const text = all[i]
      const full = where == 'metric' ? name + text.replaceAll(' ', '_') : name + '-' + i.toString()
      if (where == 'metric') {
        const slot = heap.alloc(8)
        defineMetric(0, bytes(full), full.length, slot)
        incrementMetric(load<u32>(slot), 1)
      } else addValue(this.number(where), bytes(full), full.length, bytes(text), text.length)
    }
  }

  private invoke(name: string, tokens: string[]): string {
    const words: u32[] = []
    const outs: string[] = []
    const slots: usize[] = []
    let wide: i64 = 0
    for (let i = 1; i < tokens.length; i++) {
      const token = tokens[i]
      const kind = token.charAt(0)
      if (kind == '"') this.push(words, token.substring(1))
      else if (kind == 'm' && token.charAt(1) == '"') this.push(words, pairs(token.substring(2)))
      else if (kind == '>') {
        const slot = heap.alloc(8)
        store<u64>(slot, 0)
        outs.push(token)
        slots.push(slot)
        words.push(<u32>slot)
        if (token.charAt(1) == 's' || token.charAt(1) == 'm') words.push(<u32>slot + 4)
      } else if (token.endsWith('L')) wide = parse64(token)
      else words.push(this.number(token))
    }
    while (words.length < 12) words.push(0)
    const status = call(name, words, wide)
    if (status == UNKNOWN) return name + ' is no host function of this version'
    let line = name + ' ' + status.toString()
    if (status != 0) return line
    for (let i = 0; i < outs.length; i++) line += ' ' + this.out(outs[i], slots[i])
    return line
  }

  private push(words: u32[], s: string): void {
    words.push(s.length == 0 ? 0 : <u32>bytes(s))
    words.push(s.length)
  }

  private out(token: string, slot: usize): string {
    const kind = token.charAt(1)
    const first = load<u32>(slot)
    const eq = token.indexOf('=')
    if (eq > 0) this.vars.set(token.substring(eq + 1), first)
    if (kind == 'u') return first.toString()
    if (kind == 'q') return load<u64>(slot).toString()
    const s = read(first, load<u32>(slot + 4))
    return kind == 'm' ? '{' + unpairs(s) + '}' : '"' + show(s) + '"'
  }
}

function parse64(token: string): i64 {
  let value: i64 = 0
  let i = 0
  const negative = token.charAt(0) == '-'
  if (negative) i = 1
  for (; i < token.length - 1; i++) value = value * 10 + (token.charCodeAt(i) - 48)
  return negative ? -value : value
}

let depth: i32 = 0

function recurse(n: i32): i32 {
  depth += n
  return recurse(n + 1) + depth
}

function unescape(s: string): string {
  let out = ''
  for (let i = 0; i < s.length; i++) {
    if (s.charAt(i) == '\\' && i + 3 < s.length && s.charAt(i + 1) == 'x') {
      out += String.fromCharCode(<i32>parseInt(s.substr(i + 2, 2), 16))
      i += 3
    } else if (s.charAt(i) == '*' && i + 1 < s.length && s.charAt(i + 1) == '{') {
      // *{c,n}: the character c, n times; programs of large bodies stay small.
      const close = s.indexOf('}', i)
      out += s.charAt(i + 2).repeat(<i32>parseInt(s.substring(i + 4, close)))
      i = close
    } else {
      out += s.charAt(i)
    }
  }
  return out
}

/** Words between blanks; a quoted one begins with its quote, has no closing quote, and its escapes are resolved. */
function tokenize(line: string): string[] {
  const tokens: string[] = []
  let i = 0
  while (i < line.length) {
    if (line.charAt(i) == ' ') {
      i++
      continue
    }
    const quote = line.charAt(i) == '"' ? i : line.charAt(i) == 'm' && line.charAt(i + 1) == '"' ? i + 1 : -1
    let end: i32
    if (quote >= 0) {
      end = line.indexOf('"', quote + 1)
      tokens.push(line.substring(i, quote + 1) + unescape(line.substring(quote + 1, end)))
      end++
    } else {
      end = line.indexOf(' ', i)
      if (end < 0) end = line.length
      tokens.push(line.substring(i, end))
    }
    i = end
  }
  return tokens
}
