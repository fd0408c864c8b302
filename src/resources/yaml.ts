import { isAlias, isCollection, LineCounter, parseAllDocuments } from 'yaml'
import { SluiceError } from '../errors.ts'

/** One document of a YAML (or JSON) text. */
export interface YamlDocument {
  readonly object: unknown
  /** Where the document begins; lines count from 1. */
  readonly line: number
  /** Where a field stands: `['spec', 'match', 0, 'ports']`; the nearest parent that is there, for a field that is not. */
  whereIs(path: readonly (string | number)[]): { line: number; column: number }
}

/**
 * Reads a text of one or more YAML documents; empty ones are left out. A syntax error, which a duplicate key is too, is told with
 * `name:line:column`.
 */
export function parseDocuments(text: string, name: string): YamlDocument[] {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  if (!Array.isArray(documents)) return []
  const found: YamlDocument[] = []
  for (const document of documents) {
    const [error] = document.errors
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0])
      throw new SluiceError('SL1001', error.message, { where: `${name}:${line}:${col}` })
    }
    if (document.contents === null) continue
    const at = (offset: number) => {
      const { line, col } = lines.linePos(offset)
      return { line, column: col }
    }
    const start = document.contents.range?.[0] ?? 0
    found.push({
      object: document.toJS({ maxAliasCount: 100 }),
      line: at(start).line,
      whereIs(path) {
        for (let length = path.length; length > 0; length--) {
          const node = document.getIn(path.slice(0, length), true)
          if (
            node !== undefined &&
            node !== null &&
            typeof node === 'object' &&
            (isCollection(node) || isAlias(node) || 'range' in node)
          ) {
            const range = (node as { range?: [number, number, number] | null }).range
            if (range !== undefined && range !== null) return at(range[0])
          }
        }
        return at(start)
      },
    })
  }
  return found
}
