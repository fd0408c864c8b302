/**
 * A reader for the part of TOML 1.0 that containerd's hosts files use: tables, bare, quoted and dotted keys, strings of one line, booleans,
 * arrays and inline tables. Everything else that TOML has (numbers, dates, strings of several lines, arrays of tables) is refused
 * with its line, as is everything that TOML has not.
 */

/** What stands on the right of a key; the numbers and dates that TOML has, too, are refused. */
export type TomlValue = string | boolean | readonly TomlValue[] | TomlTable

/** A value with the line (from 1) on which its key stands. */
interface TomlEntry {
  readonly value: TomlValue
  readonly line: number
}

/** Keys in the order in which they first stand in the file. */
export class TomlTable extends Map<string, TomlEntry> {}

/** Why a text is not read; its message begins with the line. */
export class TomlError extends Error {
  /** From 1. */
  readonly line: number

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.line = line
  }
}

/** Reads a document. Throws a TomlError. */
export function parseToml(text: string): TomlTable {
  return new Reader(text).document()
}

const MAX_DEPTH = 100
const BARE_KEY = /[A-Za-z0-9_-]+/y
const SPACE = /[ \t]*/y
/** Blank space, ends of lines and comments: what may stand between the elements of an array. */
const BLANK = /(?:[ \t\n]|\r\n|#[^\n]*)*/y
// Control characters other than the tab are allowed nowhere (TOML 1.0, "Comment" and "String").
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/
const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  '"': '"',
  '\\': '\\',
}

class Reader {
  readonly #text: string
  #at = 0
  #depth = 0
  readonly #root = new TomlTable()
  /** Tables that a header has opened: none may be opened a second time. */
  readonly #opened = new Set<TomlTable>()
  /** Inline tables and what is in them: they are complete where they end. */
  readonly #inline = new Set<TomlTable>()
  /** Tables that dotted keys have made, which no header may open. */
  readonly #dotted = new Set<TomlTable>()

  constructor(text: string) {
    this.#text = text
    const control = CONTROL.exec(text)
    if (control !== null) {
      this.#at = control.index
      throw this.#error('a control character')
    }
  }

  document(): TomlTable {
    let table = this.#root
    for (;;) {
      this.#skip(BLANK)
      if (this.#at === this.#text.length) return this.#root
      if (this.#text.startsWith('[[', this.#at)) throw this.#error('an array of tables is not supported')
      if (this.#take('[')) table = this.#header()
      else this.#pair(table)
      this.#endOfLine()
    }
  }

  #header(): TomlTable {
    const keys = this.#keys()
    if (!this.#take(']')) throw this.#error('«]» is missing behind the name of a table')
    let table = this.#root
    for (const key of keys) {
      table = this.#child(table, key)
      if (this.#inline.has(table)) throw this.#error(`table ${path([key])} is complete already`)
    }
    if (this.#opened.has(table) || this.#dotted.has(table)) throw this.#error(`table ${path(keys)} is there twice`)
    this.#opened.add(table)
    return table
  }

  /** The table under a key of a header, made if need be. */
  #child(table: TomlTable, key: string): TomlTable {
    const known = table.get(key)?.value
    if (known === undefined) {
      const child = new TomlTable()
      table.set(key, { value: child, line: this.#line })
      return child
    }
    if (!(known instanceof TomlTable)) throw this.#error(`${path([key])} is a value already, not a table`)
    return known
  }

  #pair(table: TomlTable): void {
    const line = this.#line
    const keys = this.#keys()
    if (!this.#take('=')) throw this.#error(`«=» is missing behind ${path(keys)}`)
    let parent = table
    for (const key of keys.slice(0, -1)) {
      const before = parent.get(key)
      parent = this.#child(parent, key)
      if (before !== undefined && !this.#dotted.has(parent)) {
        throw this.#error(`table ${path([key])} is complete already`)
      }
      this.#dotted.add(parent)
    }
    const last = keys.at(-1)!
    if (parent.has(last)) throw this.#error(`key ${path(keys)} is there twice`)
    this.#skip(SPACE)
    parent.set(last, { value: this.#value(), line })
  }

  /** One key or several with dots between. */
  #keys(): string[] {
    const keys: string[] = []
    do {
      this.#skip(SPACE)
      keys.push(this.#key())
      this.#skip(SPACE)
    } while (this.#take('.'))
    return keys
  }

  #key(): string {
    const char = this.#text[this.#at]
    if (char === '"' || char === "'") return this.#string()
    const bare = this.#match(BARE_KEY)
    if (bare === '') throw this.#error(`a key is expected, not ${this.#next()}`)
    return bare
  }

  #value(): TomlValue {
    const char = this.#text[this.#at]
    if (char === '"' || char === "'") return this.#string()
    if (char === '[' || char === '{') {
      if (++this.#depth > MAX_DEPTH) throw this.#error(`values are nested more than ${MAX_DEPTH} deep`)
      this.#at++
      const value = char === '[' ? this.#array() : this.#inlineTable()
      this.#depth--
      return value
    }
    const word = this.#match(/[^\s,\]}#]*/y)
    if (word === 'true' || word === 'false') return word === 'true'
    this.#at -= word.length
    throw this.#error(`a string, true, false, an array or a table is expected, not ${this.#next()}`)
  }

  #string(): string {
    const quote = this.#text[this.#at]
    if (this.#text.startsWith(quote.repeat(3), this.#at)) {
      throw this.#error('a string of several lines is not supported')
    }
    this.#at++
    let value = ''
    for (;;) {
      const char = this.#text[this.#at]
      if (char === undefined || char === '\n' || char === '\r') throw this.#error(`${quote} is missing at the end`)
      this.#at++
      if (char === quote) return value
      value += char === '\\' && quote === '"' ? this.#escape() : char
    }
  }

  #escape(): string {
    const char = this.#text[this.#at]
    const plain = ESCAPES[char]
    if (plain !== undefined) {
      this.#at++
      return plain
    }
    const hex = this.#match(/u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y)
    const code = Number.parseInt(hex.slice(1), 16)
    // Only scalar values: no halves of surrogate pairs, nothing beyond U+10FFFF.
    if (hex === '' || code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) throw this.#error('an unknown escape')
    return String.fromCodePoint(code)
  }

  #array(): TomlValue[] {
    const values: TomlValue[] = []
    for (;;) {
      this.#skip(BLANK)
      if (this.#take(']')) return values
      values.push(this.#value())
      this.#skip(BLANK)
      if (this.#take(',')) continue
      if (!this.#take(']')) throw this.#error(`«,» or «]» is expected in an array, not ${this.#next()}`)
      return values
    }
  }

  /** It stands on one line and has no comma at its end (TOML 1.0). */
  #inlineTable(): TomlTable {
    const table = new TomlTable()
    this.#skip(SPACE)
    if (!this.#take('}')) {
      do {
        this.#pair(table)
        this.#skip(SPACE)
      } while (this.#take(','))
      if (!this.#take('}')) throw this.#error(`«,» or «}» is expected in a table, not ${this.#next()}`)
    }
    this.#complete(table)
    return table
  }

  #complete(table: TomlTable): void {
    this.#inline.add(table)
    this.#dotted.delete(table)
    for (const { value } of table.values()) if (value instanceof TomlTable) this.#complete(value)
  }

  #endOfLine(): void {
    this.#skip(SPACE)
    if (this.#text[this.#at] === '#') this.#match(/[^\n]*/y)
    if (this.#at < this.#text.length && this.#match(/\r?\n/y) === '') {
      throw this.#error(`the end of the line is expected, not ${this.#next()}`)
    }
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  #skip(pattern: RegExp): void {
    this.#match(pattern)
  }

  #next(): string {
    const rest = /^[^\n]{0,20}/.exec(this.#text.slice(this.#at, this.#at + 20))![0].trimEnd()
    return rest === '' ? 'the end of the line' : `«${rest}»`
  }

  get #line(): number {
    return this.#text.slice(0, this.#at).split('\n').length
  }

  #error(message: string): TomlError {
    return new TomlError(this.#line, message)
  }
}

function path(keys: readonly string[]): string {
  return keys.map((key) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key))).join('.')
}
