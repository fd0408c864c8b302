import { isNode, LineCounter, parseAllDocuments } from 'yaml'
import { SluiceError } from '../errors.ts'

/** Lines and columns count from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** One document of a YAML (or JSON) text. */
export interface YamlDocument {
  readonly object: unknown
  /** Where the document begins. */
  readonly line: number
  /** Where a field stands: `['spec', 'match', 0, 'ports']`; the nearest parent that is there, for a field that is not. */
  whereIs(path: readonly (string | number)[]): Place
}

/** An alias may be used often, but a few must not grow into millions of nodes. */
const MAX_ALIASES = 1000

/**
 * Reads a text of one or more YAML documents; empty ones are left out. A syntax error, which a duplicate key is too, is told with
 * `name:line:column`.
 */
export function parseDocuments(text: string, name: string): YamlDocument[] {
  const lines = new LineCounter()
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  // kubectl's reader knows merge keys; duplicate keys it takes silently, and the last one wins.
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, merge: true, prettyErrors: false })
  if (!Array.isArray(documents)) return []
  const fail = (message: string, offset: number): never => {
    const { line, column } = at(offset)
    throw new SluiceError('SL1003', message, { where: `${name}:${line}:${column}` })
  }
  const found: YamlDocument[] = []
  for (const document of documents) {
    const [error] = document.errors
    if (error !== undefined) fail(error.message, error.pos[0])
    if (document.contents === null) continue
    const start = document.contents.range?.[0] ?? 0
    let object: unknown
    try {
      object = document.toJS({ maxAliasCount: MAX_ALIASES })
    } catch (problem) {
      fail((problem as Error).message, start)
    }
    if (object === null) continue
    found.push({
      object,
      line: at(start).line,
      whereIs(path) {
        for (let length = path.length; length > 0; length--) {
          const node = document.getIn(path.slice(0, length), true)
          if (isNode(node) && node.range) return at(node.range[0])
        }
        return at(start)
      },
    })
  }
  return found
}
