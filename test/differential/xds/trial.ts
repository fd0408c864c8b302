/** One session: what a management server says in turn. */
export interface Trial {
  readonly id: string
  readonly steps: readonly Step[]
}

/** The types of resources, by the word for their discovery. */
export type Kind = 'cds' | 'eds' | 'lds' | 'rds' | 'sds' | 'ecds'

export type Step =
  /** Has these from now on, and says so to whoever asked. */
  | { readonly do: 'set'; readonly kind: Kind; readonly entries: readonly Entry[]; readonly sameVersion?: true }
  /** Several at once, in this order. */
  | { readonly do: 'all'; readonly of: readonly Step[] }
  /** A response that tells nothing of what there is; `bad` is told only to who asks for it. */
  | { readonly do: 'say'; readonly kind: Kind; readonly entries: readonly Entry[]; readonly bad?: string }
  /** The same again, with the same version. */
  | { readonly do: 'again'; readonly kind: Kind }
  /** Ends the stream; both come back. */
  | { readonly do: 'cut' }

export interface Entry {
  /** By which it is asked for. */
  readonly name: string
  readonly body: Body
  /** In a `Resource`, which has its name. */
  readonly wrapped?: true
}

/** JSON of the resource; bytes that are no message; or of another type than is said around it. */
export type Body = Readonly<Record<string, unknown>> | 'garbage' | { readonly otherKind: Kind }

/** Where the resources of a trial say an address of the proxy or of an upstream; each side has addresses of its own. */
export const HOST = '127.9.9.9'
