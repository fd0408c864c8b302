import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseToml, TomlError, TomlTable, type TomlValue } from './toml.ts'

type Plain = string | boolean | Plain[] | { [key: string]: Plain }

/** Without lines. */
function plain(value: TomlValue): Plain {
  if (value instanceof TomlTable) {
    return Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry.value)]))
  }
  return typeof value === 'object' ? value.map(plain) : value
}

const good: [string, string, Plain][] = [
  ['nothing', '', {}],
  ['comments and blank lines', '# a\n\n  # b\r\n', {}],
  ['strings', `a = "b\\t\\u00e9\\U0001F600\\"" # c\nd = 'C:\\e'`, { a: 'b\té😀"', d: 'C:\\e' }],
  ['keys', `a-1_ = true\n"x y" = false\n'' = true`, { 'a-1_': true, 'x y': false, '': true }],
  ['dotted keys', 'a.b = true\na . "c.d" = false', { a: { b: true, 'c.d': false } }],
  ['arrays', 'a = [ "b",\n # c\n ["d"], []\n , ]', { a: ['b', ['d'], []] }],
  ['inline tables', 'a = { b = "c", d.e = [{}] }', { a: { b: 'c', d: { e: [{}] } } }],
  ['tables', '[a]\nb = true\n[ c . d ]\n[a.e]\n[c]\nf = "g"', { a: { b: true, e: {} }, c: { d: {}, f: 'g' } }],
  ['a table below one of dotted keys', '[a]\nb.c = "d"\n[a.b.e]', { a: { b: { c: 'd', e: {} } } }],
  ['names of Object.prototype', '__proto__ = "a"\n[constructor]', JSON.parse('{"__proto__":"a","constructor":{}}')],
]

describe('TOML that is read', () => {
  for (const [name, text, expected] of good) it(name, () => assert.deepEqual(plain(parseToml(text)), expected))

  it('knows the line of each key', () => {
    const table = parseToml('# x\na = [\n"b",\n]\n[c]\n\nd = true')
    const lines = [table.get('a')!, table.get('c')!, (table.get('c')!.value as TomlTable).get('d')!]
    assert.deepEqual(
      lines.map(({ line }) => line),
      [2, 5, 7],
    )
  })
})

const bad: [string, string, number, RegExp][] = [
  ['no value', 'a =', 1, /not the end of the line/],
  ['no key', '\n= "a"', 2, /a key is expected/],
  ['no equals sign', 'a "b"', 1, /«=» is missing behind a/],
  ['two on a line', 'a = true b = true', 1, /the end of the line is expected, not «b = true»/],
  ['an open string', 'a = "b\nc = "', 1, /" is missing/],
  ['an unknown escape', 'a = "\\q"', 1, /escape/],
  ['half a surrogate pair', 'a = "\\ud800"', 1, /escape/],
  ['a control character', 'a = true\nb = "\u0007"', 2, /control/],
  ['a lone carriage return', 'a = true\rb = true', 1, /control/],
  ['an open array', 'a = [\n"b"\n', 3, /«,» or «]»/],
  ['an array without commas', 'a = ["b" "c"]', 1, /«,» or «]»/],
  ['an inline table over two lines', 'a = {b = true,\nc = true}', 1, /key/],
  ['a key twice', 'a = true\na = false', 2, /key a is there twice/],
  ['a table twice', '[a]\n[b]\n[a]', 3, /table a is there twice/],
  ['a table over a value', 'a = true\n[a.b]', 2, /a is a value/],
  ['a table in an inline one', 'a = {}\n[a.b]', 2, /complete/],
  ['a key in an inline table', 'a = {b.c = true}\na.b.d = true', 2, /complete/],
  ['a dotted key in a table of its own', '[a.b]\n[a]\nb.c = true', 3, /complete/],
  ['a header over dotted keys', 'a.b = true\n[a]', 2, /twice/],
  ['numbers', 'a = 1_000', 1, /not «1_000»/],
  ['dates', 'a = 1979-05-27', 1, /not «1979-05-27»/],
  ['strings of several lines', 'a = """b"""', 1, /several lines/],
  ['arrays of tables', '[[a]]', 1, /array of tables/],
  ['endless nesting', `a = ${'['.repeat(100_000)}`, 1, /nested/],
]

describe('TOML that is refused, with its line', () => {
  for (const [name, text, line, message] of bad) {
    it(name, () => {
      assert.throws(
        () => parseToml(text),
        (error) => error instanceof TomlError && error.line === line && message.test(error.message),
      )
    })
  }
})

const quoted = (text: string) =>
  // The two forms of a string, and every character that may not stand as it is.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  `"${text.replace(/[\0-\x1f\x7f"\\]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
const text = fc.string({ unit: 'grapheme-composite', maxLength: 12 })
const blank = fc.constantFrom('', ' ', '\t', '  ')

const { value } = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
}))

function written(one: Plain): string {
  if (typeof one === 'string') return quoted(one)
  if (typeof one === 'boolean') return String(one)
  if (Array.isArray(one)) return `[${one.map((part) => `\n ${written(part)}`).join(' ,')} ]`
  return `{${Object.entries(one)
    .map(([key, part]) => `${quoted(key)}=${written(part)}`)
    .join(', ')}}`
}

/** Tables become headers, everything else pairs; both mean the same as the value that was written. */
function document(table: Record<string, Plain>, space: string, path: readonly string[] = []): string {
  const isTable = (one: Plain) => typeof one === 'object' && !Array.isArray(one)
  const pairs = Object.entries(table).filter(([, one]) => !isTable(one))
  const tables = Object.entries(table).filter(([, one]) => isTable(one)) as [string, Record<string, Plain>][]
  const header = path.length === 0 ? '' : `${space}[${path.map(quoted).join(`${space}.`)}]${space}# ${space}\n`
  const lines = pairs.map(([key, one]) => `${space}${quoted(key)}${space}=${space}${written(one)}${space}\n`)
  return header + lines.join('') + tables.map(([key, one]) => document(one, space, [...path, key])).join('')
}

describe('TOML by property', () => {
  it('what is written is read back', () => {
    fc.assert(
      fc.property(fc.dictionary(text, value, { maxKeys: 5 }), blank, (table, space) => {
        // fast-check makes some of them without a prototype.
        assert.deepEqual(plain(parseToml(document(table, space))), JSON.parse(JSON.stringify(table)))
      }),
    )
  })

  it('any text is read or refused with a line of its own', () => {
    const piece = fc.constantFrom(...'[]{}=,."\'\\#\n\r\t abu0é', 'true', '"""', '[[', 'a.b', '\r\n')
    const any = fc.array(piece, { maxLength: 40 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(any, fc.string()), (source) => {
        try {
          parseToml(source)
        } catch (error) {
          assert.ok(error instanceof TomlError, String(error))
          assert.ok(error.line >= 1 && error.line <= source.split('\n').length)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
