import type { Target } from '../kind.ts'
import { ApiError, badRequest, expired, invalid, tooLargeResourceVersion } from '../status.ts'
import type { Entry } from '../store/entry.ts'
import { type Api, inVersion } from './context.ts'
import { nonNegative, versionParameter } from './options.ts'
import { selection } from './selection.ts'

export interface ListMeta {
  resourceVersion: string
  continue?: string
  remainingItemCount?: number
}

export interface Listed {
  readonly metadata: ListMeta
  readonly entries: readonly Entry[]
}

/** Snapshots that `continue` tokens can come back to. They share their entries with the store, so they cost little. */
const SNAPSHOTS = 32

interface Snapshot {
  readonly rv: number
  readonly entries: readonly Entry[]
}

interface Token {
  rv: number
  /** Key of the last entry that was sent. */
  after: string
}

export class Lister {
  readonly #api: Api
  readonly #snapshots = new Map<string, Snapshot>()

  constructor(api: Api) {
    this.#api = api
  }

  list(target: Target, namespace: string, query: URLSearchParams): Listed {
    const limit = nonNegative(query, 'limit')
    const token = query.get('continue') || undefined
    checkVersionMatch(query, this.#api.store.version)
    const matches = selection(target, query)
    const { snapshot, after } =
      token === undefined ? { snapshot: this.#now(target), after: undefined } : this.#resume(target, token)
    const entries: Entry[] = []
    let rest = 0
    for (const entry of snapshot.entries) {
      if (namespace !== '' && entry.namespace !== namespace) continue
      if (after !== undefined && entry.key <= after) continue
      if (matches !== undefined && !matches(inVersion(target, entry.object))) continue
      if (limit > 0 && entries.length === limit) rest++
      else entries.push(entry)
    }
    const metadata: ListMeta = { resourceVersion: String(snapshot.rv) }
    if (rest > 0) {
      this.#keep(target, snapshot)
      metadata.continue = encode({ rv: snapshot.rv, after: entries[entries.length - 1].key })
      if (matches === undefined) metadata.remainingItemCount = rest
    }
    return { metadata, entries }
  }

  #now(target: Target): Snapshot {
    const { store } = this.#api
    return { rv: store.version, entries: store.table(target.kind.storage).sorted }
  }

  #keep(target: Target, snapshot: Snapshot): void {
    const key = `${target.kind.storage}@${snapshot.rv}`
    this.#snapshots.delete(key)
    this.#snapshots.set(key, snapshot)
    for (const old of this.#snapshots.keys()) {
      if (this.#snapshots.size <= SNAPSHOTS) break
      this.#snapshots.delete(old)
    }
  }

  #resume(target: Target, text: string): { snapshot: Snapshot; after: string } {
    const { rv, after } = decode(text)
    if (rv === -1) return { snapshot: this.#now(target), after }
    const snapshot = this.#snapshots.get(`${target.kind.storage}@${rv}`)
    if (snapshot !== undefined) return { snapshot, after }
    // The client may go on from the state of now with this token, if it can live with an inconsistent list.
    const fresh = encode({ rv: -1, after })
    const error = expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    )
    throw new ContinueExpired(error, fresh)
  }
}

/** 410 whose Status carries a token for the rest of the list. */
class ContinueExpired extends ApiError {
  readonly token: string

  constructor(error: ApiError, token: string) {
    super(error.code, error.reason, error.message)
    this.token = token
  }

  override get status() {
    return { ...super.status, metadata: { continue: this.token } }
  }
}

/** Everything is answered from the newest state, which satisfies NotOlderThan; Exact only works for the version of now. */
function checkVersionMatch(query: URLSearchParams, current: number): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const asked = versionParameter(query)
  const wrong = (why: string) =>
    invalid({ group: 'meta.k8s.io', plural: '', kind: 'ListOptions' }, '', [
      { field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message: `Forbidden: ${why}` },
    ])
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    throw wrong('supported values are Exact, NotOlderThan')
  }
  if (match !== '' && query.get('watch') === null) {
    if (asked === undefined) throw wrong('resourceVersionMatch is forbidden unless resourceVersion is provided')
    if (query.get('continue')) throw wrong('resourceVersionMatch is forbidden when continue is provided')
    if (match === 'Exact' && asked === 0)
      throw wrong('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
  }
  if (asked !== undefined && asked > current) throw tooLargeResourceVersion(asked, current)
  if (match === 'Exact' && asked !== current) throw expired(`The resourceVersion for the provided list is too old.`)
}

function encode(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

function decode(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as Token
    if (typeof token.rv === 'number' && typeof token.after === 'string') return token
  } catch {
    // Falls through: all ways of being unreadable are one error.
  }
  throw badRequest('continue key is not valid: it was not made by this server')
}
