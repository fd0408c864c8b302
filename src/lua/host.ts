import type { BodyBuffer } from '../base/body-buffer.ts'
import type { HeaderMap } from '../base/header-map.ts'
import type { LuaHeaders } from './headers.ts'

/** What a wait was for; the filter resumes the run when it is there. */
export type LuaWait =
  | { readonly for: 'body'; readonly wrap: boolean }
  | { readonly for: 'chunk' }
  | { readonly for: 'trailers' }
  | { readonly for: 'call'; readonly lists: boolean }
  | { readonly for: 'nothing' }

/** A call of `httpCall`. */
export interface LuaCall {
  readonly cluster: string
  readonly headers: HeaderMap
  readonly body: string
  readonly timeoutMs: number
  /** The script does not wait for the answer. */
  readonly async: boolean
}

/** pino's; Lua's `logCritical` is `fatal`. */
export type LuaLogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** A stream in one direction, as a script sees it; the proxy's Lua filter implements it. */
export interface LuaStreamHost {
  readonly headers: LuaHeaders
  /** Some of the body has come. */
  readonly bodySeen: boolean
  /** … and was given to the next filter. */
  readonly bodyPassed: boolean
  /** The body that is held, once it is complete. */
  readonly body: BodyBuffer | undefined
  /** Gives a body to a message that has none. */
  addBody(): BodyBuffer
  readonly trailers: LuaHeaders | undefined
  /** The message has no body (or no more of it). */
  readonly ended: boolean
  readonly isResponse: boolean
  log(level: LuaLogLevel, message: string): void
  /** The run yields right after this. */
  wait(wait: LuaWait): void
  /** False when there is no such cluster. */
  call(call: LuaCall): boolean
  respond(headers: readonly (readonly [string, string])[], body: string): void
  /** `metadata()`: the filter's namespace of the route's metadata. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** The same of the virtual host's. */
  readonly virtualHostMetadata: Readonly<Record<string, unknown>>
  /** `filterContext()`: what the route says to the script. */
  readonly filterContext: Readonly<Record<string, unknown>>
  filterState(name: string): string | undefined
  dynamicMetadata(namespace: string): Readonly<Record<string, unknown>> | undefined
  setDynamicMetadata(namespace: string, key: string, value: unknown): void
  readonly dynamicNamespaces: readonly string[]
  info(name: LuaInfoName): string | undefined
  readonly tls: LuaTls | undefined
  clearRouteCache(): void
}

/** What `streamInfo()` tells as it is, by the name of its method. */
export type LuaInfoName =
  | 'protocol'
  | 'routeName'
  | 'virtualClusterName'
  | 'downstreamLocalAddress'
  | 'downstreamDirectLocalAddress'
  | 'downstreamDirectRemoteAddress'
  | 'downstreamRemoteAddress'
  | 'requestedServerName'

/** What `downstreamSslConnection()` tells. */
export interface LuaTls {
  readonly mtls: boolean
  readonly presented: boolean
  readonly version: string
  readonly cipher: string
  readonly peerSubject: string
  readonly peerUriSans: readonly string[]
  readonly peerDnsSans: readonly string[]
  readonly peerSha256: string
  readonly peerIssuer: string
  readonly peerSerial: string
  /** URL-encoded. */
  readonly peerPem: string
  readonly localSubject: string
  readonly localUriSans: readonly string[]
  readonly localDnsSans: readonly string[]
  readonly sessionId: string
}
