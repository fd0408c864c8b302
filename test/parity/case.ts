import { globSync, readFileSync } from 'node:fs'
import type { Settings } from 'node:http2'
import { basename, dirname, join } from 'node:path'
import { parse } from 'yaml'
import type { Decision } from './decision-service.ts'

type Headers = Readonly<Record<string, string | readonly string[]>>

/** What a client sends. `raw` is sent as it is; all else is put together. Over HTTP/2 where `version` is `HTTP/2`, with prior knowledge. */
export interface Send {
  readonly raw?: string
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly version?: string
  readonly headers?: Headers
  readonly body?: string
  readonly chunks?: readonly string[]
  readonly trailers?: Headers
  /** Sent this long after the rest, over HTTP/2 as the rest of the body; `end`: the client then ends its side; `reset`: by RST_STREAM. */
  readonly then?: {
    readonly afterMs: number
    readonly raw?: string
    readonly end?: boolean
    readonly reset?: number
  }
}

/** A pattern between slashes, or the text itself; null: is absent. */
export type Expected = string | number | null

export interface Expectation {
  readonly status?: number | readonly number[]
  readonly start?: Expected
  /** Names of headers that are not in lower case, sorted. */
  readonly spelt?: Expected
  readonly headers?: Readonly<Record<string, Expected>>
  readonly trailers?: Readonly<Record<string, Expected>>
  readonly body?: Expected
  readonly closed?: boolean
  /** What the upstream got for this step; null: nothing. */
  readonly upstream?: {
    readonly host?: Expected
    readonly start?: Expected
    readonly spelt?: Expected
    readonly headers?: Readonly<Record<string, Expected>>
    readonly trailers?: Readonly<Record<string, Expected>>
    readonly body?: Expected
    readonly count?: number
  } | null
}

export interface Step {
  readonly send: Send
  /** Over HTTP/2: what is sent on the same connection at once. Its answers follow, as those of the requests in a pipeline do. */
  readonly beside?: readonly Send[]
  readonly expect: Expectation
  /** How many final responses to wait for; 1 unless told. */
  readonly responses?: number
  /** How long to watch the connection after the last response. */
  readonly waitMs?: number
}

/** What the upstream answers, in the order of requests; the last one repeats. */
export interface Answer {
  /** For requests of this path alone: those of one path are answered in their own order. */
  readonly path?: string
  /** As it is; not over HTTP/2. */
  readonly raw?: string
  readonly status?: number
  readonly headers?: Headers
  readonly body?: string
  readonly chunks?: readonly string[]
  readonly trailers?: Headers
  readonly delayMs?: number
  /** Between its chunks. */
  readonly pauseMs?: number
  /** What comes of it: nothing, or all but its end. */
  readonly stops?: 'silent' | 'unfinished'
  /** The connection ends behind it. */
  readonly end?: boolean
  /** It is reset a moment later; by a code only the stream, over HTTP/2. */
  readonly reset?: boolean | number
  /** Over HTTP/2: in front of it goes GOAWAY with this code, by which later requests of the connection were not looked at. */
  readonly goAway?: number
  /** Over HTTP/2: the body of the request is never read, and the answer comes with its head. */
  readonly unread?: boolean
  readonly echo?: boolean
}

export interface ClusterSettings extends Record<string, unknown> {
  readonly hosts?: number
  /** Its hosts speak HTTP/2 alone; an object: they send these as their SETTINGS. */
  readonly http2?: boolean | Settings
  /** Its hosts share one script, and are named in the order in which they are first asked: which one that is is left to chance. */
  readonly in_turn?: boolean
  /** What it gets is listed behind the rest: it may come at any time. */
  readonly aside?: boolean
  /** What its hosts answer, in the place of the case's `upstream`. */
  readonly answers?: readonly Answer[]
  /** It is a rate limit service, which decides so, in this order; the last one repeats. */
  readonly rate_limits?: readonly Decision[]
  /** It is an authorization service of gRPC, in the same way. */
  readonly checks?: readonly Decision[]
  /** Its one endpoint is the case's internal listener. */
  readonly internal?: boolean
  /** Nothing listens there. */
  readonly down?: boolean
  /** `filter_metadata` of each endpoint. */
  readonly endpoint_metadata?: Record<string, unknown>
  /** What is added to each endpoint, in their order. */
  readonly endpoints?: readonly Record<string, unknown>[]
  /** Localities and priorities: how many of the hosts each has, in their order, and its other fields. */
  readonly groups?: readonly ({ readonly size: number } & Record<string, unknown>)[]
}

export interface Case {
  readonly id: string
  readonly what: string
  readonly routes?: readonly unknown[]
  readonly virtual_hosts?: readonly unknown[]
  readonly route_config?: Record<string, unknown>
  readonly hcm?: Record<string, unknown>
  readonly listener?: Record<string, unknown>
  readonly filters?: readonly unknown[]
  /** `envoy.resource_limits.listener.<name>.connection_limit` */
  readonly connection_limit?: number
  readonly network_filters?: readonly unknown[]
  /** A second listener, which clusters with `internal` reach; it has no access log. */
  readonly internal?: Pick<Case, 'routes' | 'hcm' | 'filters'>
  /** Settings by name; `hosts` is how many endpoints there are (1 unless told). `$name` stands for it elsewhere. */
  readonly clusters?: Readonly<Record<string, ClusterSettings>>
  readonly upstream?: readonly Answer[]
  /** The format of the access log. */
  readonly log?: string
  /** The lines that the access log has afterwards. */
  readonly logged?: readonly Expected[]
  /**
   * By prefix, counters afterwards: all below it are compared, these have to have these values. Needs names of the case's own in the
   * prefix, as all cases share the proxy. Below `cluster.<name>.hosts.` stands what `/clusters` counts of the cluster's hosts together.
   */
  readonly stats?: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly steps: readonly Step[]
}

/** `!bytes 5`: a text of that length. */
const BYTES = { tag: '!bytes', resolve: (length: string) => 'b'.repeat(Number(length)) }

const DIR = join(dirname(new URL(import.meta.url).pathname), 'cases')

/** Every case; its id is its folder and its file's name. */
export function readCases(): Case[] {
  return globSync('*/*.yaml', { cwd: DIR })
    .sort()
    .map((file) => ({
      id: `${dirname(file)}.${basename(file, '.yaml')}`,
      ...(parse(readFileSync(join(DIR, file), 'utf8'), { customTags: [BYTES] }) as Omit<Case, 'id'>),
    }))
}
