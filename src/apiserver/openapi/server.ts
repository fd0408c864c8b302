import { createHash } from 'node:crypto'
import type { Exchange } from '../http/exchange.ts'
import { apiVersionOf } from '../kind.ts'
import type { KindRegistry } from '../registry.ts'
import { noSuchPath } from '../status.ts'
import { openapiDocument } from './document.ts'

interface Document {
  readonly text: string
  readonly hash: string
}

/** `/openapi/v3` and the documents it lists. Made on first use, thrown away when the kinds change. */
export class OpenApi {
  readonly #kinds: KindRegistry
  #documents: Map<string, Document> | undefined

  constructor(kinds: KindRegistry) {
    this.#kinds = kinds
    kinds.onChange(() => {
      this.#documents = undefined
    })
  }

  serve(exchange: Exchange): void {
    const documents = this.#all()
    const path = exchange.path.slice('/openapi/v3'.length).replace(/^\/|\/$/g, '')
    if (path === '') {
      const paths = Object.fromEntries(
        [...documents].map(([name, { hash }]) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` }]),
      )
      exchange.sendJson(200, { paths })
      return
    }
    const document = documents.get(path)
    if (document === undefined) throw noSuchPath()
    exchange.send(200, 'application/json', document.text, {
      etag: `"${document.hash}"`,
      vary: 'Accept',
      // Without Expires kubectl's disk cache asks again on every command.
      ...(exchange.query.get('hash') === document.hash
        ? { 'cache-control': 'public, immutable', expires: new Date(Date.now() + 365 * 86_400_000).toUTCString() }
        : {}),
    })
  }

  #all(): Map<string, Document> {
    if (this.#documents !== undefined) return this.#documents
    this.#documents = new Map()
    for (const { group, version } of this.#kinds.groupVersions()) {
      const name = `${group === '' ? 'api' : 'apis'}/${apiVersionOf(group, version)}`
      const text = JSON.stringify(openapiDocument(this.#kinds.targets(group, version), group, version))
      const hash = createHash('sha256').update(text).digest('hex').toUpperCase()
      this.#documents.set(name, { text, hash })
    }
    return this.#documents
  }
}
