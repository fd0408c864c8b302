import { percentDecoded } from '../route/route-match.ts'

/**
 * The parameters of a path by their names without percent encoding, each as it is written. Envoy writes them decoded, so that `%26` comes to
 * divide parameters and `%20` to end the path.
 */
export class QueryParameters {
  readonly #path: string
  readonly #all = new Map<string, string[]>()

  constructor(path: string) {
    const start = path.indexOf('?')
    this.#path = start === -1 ? path : path.slice(0, start)
    const query = start === -1 ? '' : path.slice(start + 1)
    if (query === '') return
    for (const part of query.replace(/&$/, '').split('&')) {
      const at = part.indexOf('=')
      this.add(percentDecoded(at === -1 ? part : part.slice(0, at)), at === -1 ? `${part}=` : part)
    }
  }

  has(name: string): boolean {
    return this.#all.has(name)
  }

  /** `written`: name and value as they are to stand there. */
  add(name: string, written: string): void {
    const values = this.#all.get(name)
    if (values === undefined) this.#all.set(name, [written])
    else values.push(written)
  }

  set(name: string, written: string): void {
    this.#all.set(name, [written])
  }

  remove(name: string): void {
    this.#all.delete(name)
  }

  /** The path with the query that is left, in the order of names, as Envoy writes it. */
  toString(): string {
    let text = this.#path
    let joint = '?'
    for (const name of [...this.#all.keys()].sort())
      for (const written of this.#all.get(name) ?? []) {
        text += joint + written
        joint = '&'
      }
    return text
  }
}
