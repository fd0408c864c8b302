/** Watches: a stream of events, one JSON object a line. */

import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Exchange } from '../http/exchange.ts'
import type { Negotiated } from '../http/negotiate.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import type { Predicate } from '../selectors.ts'
import { type ApiError, expired, invalid, notAcceptable, tooLargeResourceVersion } from '../status.ts'
import type { Entry, StoreEvent } from '../store/entry.ts'
import { type IncludeObject, includeObject, partialMetadata, renderTable } from '../table/render.ts'
import { type Api, inVersion } from './context.ts'
import { flag, nonNegative, versionParameter } from './options.ts'
import { selection } from './selection.ts'

/** A client that is further behind than this is cut off; it comes back with its resourceVersion. */
const MAX_BUFFERED = 16 * 1024 * 1024
const BOOKMARK_EVERY = 60_000
/** As the API server: a random 30 to 60 minutes, so that clients spread. */
const MIN_TIMEOUT = 30 * 60_000

type Type = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'

export interface WatchRequest {
  readonly target: Target
  readonly namespace: string
  /** '' for all names. */
  readonly name: string
}

export class Watch {
  readonly #api: Api
  readonly #exchange: Exchange
  readonly #target: Target
  readonly #namespace: string
  readonly #matches: Predicate<ApiObject> | undefined
  readonly #as: Negotiated['as']
  readonly #include: IncludeObject
  readonly #onClosed: (watch: Watch) => void
  readonly #timers: NodeJS.Timeout[] = []
  #columnsSent = false
  #closed = false
  #sentVersion = 0

  constructor(api: Api, exchange: Exchange, request: WatchRequest, onClosed: (watch: Watch) => void) {
    const { as, encoding } = exchange.negotiate()
    if (encoding !== 'json') throw notAcceptable()
    this.#api = api
    this.#exchange = exchange
    this.#target = request.target
    this.#namespace = request.namespace
    const selected = selection(request.target, exchange.query)
    const { name } = request
    this.#matches = name === '' ? selected : (o) => o.metadata.name === name && (selected === undefined || selected(o))
    this.#as = as
    this.#include = includeObject(exchange.query)
    this.#onClosed = onClosed
  }

  get storage(): string {
    return this.#target.kind.storage
  }

  start(): void {
    const { query } = this.#exchange
    const { store } = this.#api
    const table = store.table(this.#target.kind.storage)
    const from = versionParameter(query)
    const bookmarks = flag(query, 'allowWatchBookmarks')
    const initial = checkWatchList(query, bookmarks)
    if (from !== undefined && from > store.version) throw tooLargeResourceVersion(from, store.version)

    const past = initial || from === undefined || from === 0 ? undefined : table.since(from)
    const gone = past === undefined && !initial && from !== undefined && from !== 0
    this.#exchange.startStream('application/json')
    if (gone) {
      this.fail(expired(`too old resource version: ${from} (${store.version})`))
      return
    }
    // sendInitialEvents=false starts now, whatever the version says.
    if (past === undefined && query.get('sendInitialEvents') !== 'false') {
      for (const entry of table.sorted) if (this.#selects(entry)) this.#send('ADDED', entry)
    }
    for (const event of past ?? []) this.#onEvent(event)
    this.#sentVersion = store.version
    if (initial) this.#bookmark({ 'k8s.io/initial-events-end': 'true' })

    table.watchers.add(this.#onEvent)
    this.#exchange.response.on('close', () => this.close())
    const seconds = nonNegative(query, 'timeoutSeconds')
    const timeout = seconds > 0 ? seconds * 1000 : MIN_TIMEOUT * (1 + Math.random())
    this.#timers.push(setTimeout(() => this.close(), timeout))
    if (bookmarks) this.#timers.push(setInterval(() => this.#bookmark(), BOOKMARK_EVERY))
  }

  /** Ends the stream; the client comes back when it wants more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#api.store.table(this.#target.kind.storage).watchers.delete(this.#onEvent)
    this.#exchange.response.end()
    this.#onClosed(this)
  }

  fail(error: ApiError): void {
    this.#write(`{"type":"ERROR","object":${JSON.stringify(error.status)}}\n`)
    this.close()
  }

  #selects(entry: Entry): boolean {
    if (this.#namespace !== '' && entry.namespace !== this.#namespace) return false
    return this.#matches === undefined || this.#matches(inVersion(this.#target, entry.object))
  }

  /** An object that stops matching is DELETED for this watcher, one that starts is ADDED. */
  readonly #onEvent = (event: StoreEvent): void => {
    const { type, entry, previous } = event
    const before = previous !== undefined && this.#selects(previous)
    const now = type !== 'DELETED' && this.#selects(entry)
    if (now) this.#send(before ? 'MODIFIED' : 'ADDED', entry)
    else if (before) this.#sendObject('DELETED', this.#lastMatching(event))
  }

  #lastMatching({ type, entry, previous, rv }: StoreEvent): ApiObject {
    if (type === 'DELETED') return entry.object
    const { object } = previous as Entry
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } }
  }

  #send(type: Type, entry: Entry): void {
    if (this.#as === 'object' && entry.object.apiVersion === this.#target.apiVersion) {
      this.#write(`{"type":"${type}","object":${entry.json}}\n`)
    } else this.#sendObject(type, entry.object)
  }

  #sendObject(type: Type, stored: ApiObject): void {
    const object = inVersion(this.#target, stored)
    this.#write(`{"type":"${type}","object":${JSON.stringify(this.#shape(object))}}\n`)
  }

  #shape(object: ApiObject): unknown {
    if (this.#as === 'object') return object
    if (this.#as === 'PartialObjectMetadata') return partialMetadata(object)
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' }
    const table = renderTable([object], this.#target.version.columns, this.#include, metadata, !this.#columnsSent)
    this.#columnsSent = true
    return table
  }

  #bookmark(annotations?: Record<string, string>): void {
    const { version } = this.#api.store
    if (annotations === undefined && version === this.#sentVersion) return
    this.#sentVersion = version
    const metadata = { resourceVersion: String(version), ...(annotations === undefined ? {} : { annotations }) }
    const bare = { kind: this.#target.kind.kind, apiVersion: this.#target.apiVersion, metadata } as unknown as ApiObject
    if (this.#as === 'Table') {
      // The row's object carries the annotation: that is where a reflector looks.
      const row = { cells: [], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } }
      const table = {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata: { resourceVersion: String(version) },
        columnDefinitions: [],
        rows: [row],
      }
      this.#write(`{"type":"BOOKMARK","object":${JSON.stringify(table)}}\n`)
    } else {
      const object = this.#as === 'PartialObjectMetadata' ? partialMetadata(bare) : bare
      this.#write(`{"type":"BOOKMARK","object":${JSON.stringify(object)}}\n`)
    }
  }

  #write(line: string): void {
    if (this.#closed) return
    const response = this.#exchange.response as ServerResponse & Http2ServerResponse
    const buffered = response.stream?.writableLength ?? response.writableLength ?? 0
    if (buffered > MAX_BUFFERED) {
      this.close()
      // An orderly end would keep all of it in memory until the client has read it.
      const connection = response.stream ?? response.socket
      connection?.destroy()
      return
    }
    response.write(line)
  }
}

/**
 * WatchList (sendInitialEvents): the state as ADDED events, then a bookmark that says so. Client-go's informers begin with
 * it; to ignore the parameter would leave them waiting for the bookmark for ever.
 */
function checkWatchList(query: URLSearchParams, bookmarks: boolean): boolean {
  if (!query.has('sendInitialEvents')) {
    if (!query.get('resourceVersionMatch')) return false
    throw optionsError(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    )
  }
  if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw optionsError(
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    )
  }
  return flag(query, 'sendInitialEvents') && bookmarks
}

function optionsError(field: string, why: string): ApiError {
  return invalid({ group: 'meta.k8s.io', plural: '', kind: 'ListOptions' }, '', [
    { field, reason: 'FieldValueForbidden', message: `Forbidden: ${why}` },
  ])
}
