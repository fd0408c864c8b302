/** Envoy's Lua API: the objects and methods that a script may use (Envoy documentation, "Lua", Stream handle API). */
import type { LuaState } from 'fengari'
import type { BodyBuffer } from '../base/body-buffer.ts'
import { HeaderMap } from '../base/header-map.ts'
import { HEADERS, type LuaHeaders } from './headers.ts'
import type { LuaInfoName, LuaLogLevel, LuaStreamHost, LuaTls } from './host.ts'
import { lua, to_luastring } from './interpreter.ts'
import { type Method, type ObjectKind, pushObject } from './objects.ts'
import { importPublicKey, PUBLIC_KEY, verifySignature } from './signature.ts'
import {
  headersAt,
  isGiven,
  jsonAt,
  NO_VALUE,
  needInt,
  needText,
  pushBytes,
  pushJson,
  pushText,
  textOr,
  throwLua,
} from './values.ts'

/** A stream handle with the run that uses it. */
export interface StreamHandle {
  readonly host: LuaStreamHost
  readonly run: unknown
}

/** A body or a chunk of one; changing a whole body changes the announced length. */
interface BodyHandle {
  readonly buffer: BodyBuffer
  readonly headers: LuaHeaders
}

const BODY: ObjectKind<BodyHandle> = {
  name: 'buffer',
  methods: {
    length(L, { buffer }) {
      lua.lua_pushnumber(L, buffer.length)
      return 1
    },
    getBytes(L, { buffer }) {
      const index = needInt(L, 2)
      const length = needInt(L, 3)
      if (!(index >= 0 && length >= 0 && index + length <= buffer.length)) {
        throwLua(L, 'index/length must be >= 0 and (index + length) must be <= buffer size')
      }
      pushBytes(L, buffer.linearize().subarray(index, index + length))
      return 1
    },
    setBytes(L, { buffer, headers }) {
      const bytes = Buffer.from(needText(L, 2, 'string'), 'latin1')
      buffer.replace(bytes)
      if (!headers.fixed) headers.map.set('content-length', String(bytes.length))
      lua.lua_pushnumber(L, bytes.length)
      return 1
    },
  },
}

const METADATA: ObjectKind<Readonly<Record<string, unknown>>> = {
  name: 'metadata',
  methods: {
    get(L, metadata) {
      const value = metadata[needText(L, 2, 'string')]
      if (value === undefined) return NO_VALUE
      pushJson(L, value)
      return 1
    },
  },
  pairs: (metadata) => Object.entries(metadata).map(([key, value]) => [key, (L) => pushJson(L, value)] as const),
}

const DYNAMIC: ObjectKind<LuaStreamHost> = {
  name: 'dynamicMetadata',
  methods: {
    get(L, host) {
      const metadata = host.dynamicMetadata(needText(L, 2, 'string'))
      if (metadata === undefined) return NO_VALUE
      pushJson(L, metadata)
      return 1
    },
    set(L, host) {
      host.setDynamicMetadata(needText(L, 2, 'string'), needText(L, 3, 'string'), jsonAt(L, 4))
      return 0
    },
  },
  pairs: (host) =>
    host.dynamicNamespaces.map((name) => [name, (L) => pushJson(L, host.dynamicMetadata(name))] as const),
}

/** Of the filters that set metadata of a connection none is here. */
const CONNECTION_INFO: ObjectKind<LuaStreamHost> = {
  name: 'connectionStreamInfo',
  methods: {
    dynamicMetadata: (L) => push(L, METADATA, {}),
    dynamicTypedMetadata: noTyped,
  },
}

/** Typed metadata has no source here: nobody has set any. */
function noTyped(L: LuaState): number {
  needText(L, 2, 'string')
  lua.lua_pushnil(L)
  return 1
}

/** A route or virtual host. */
const CONFIGURED: ObjectKind<Readonly<Record<string, unknown>>> = {
  name: 'route',
  methods: { metadata: (L, metadata) => push(L, METADATA, metadata) },
}

function infoMethod(name: LuaInfoName): Method<LuaStreamHost> {
  return (L, host) => {
    pushText(L, host.info(name) ?? '')
    return 1
  }
}

const STREAM_INFO: ObjectKind<LuaStreamHost> = {
  name: 'streamInfo',
  methods: {
    protocol: infoMethod('protocol'),
    routeName: infoMethod('routeName'),
    virtualClusterName: infoMethod('virtualClusterName'),
    downstreamLocalAddress: infoMethod('downstreamLocalAddress'),
    downstreamDirectLocalAddress: infoMethod('downstreamDirectLocalAddress'),
    downstreamDirectRemoteAddress: infoMethod('downstreamDirectRemoteAddress'),
    downstreamRemoteAddress: infoMethod('downstreamRemoteAddress'),
    requestedServerName: infoMethod('requestedServerName'),
    dynamicMetadata: (L, host) => push(L, DYNAMIC, host),
    dynamicTypedMetadata: noTyped,
    filterState: (L, host) => push(L, FILTER_STATE, host),
    downstreamSslConnection: (L, host) => pushTls(L, host.tls),
  },
}

const FILTER_STATE: ObjectKind<LuaStreamHost> = {
  name: 'filterState',
  methods: {
    get(L, host) {
      const value = host.filterState(needText(L, 2, 'string'))
      if (value === undefined) lua.lua_pushnil(L)
      else pushText(L, value)
      return 1
    },
  },
}

function tlsText(read: (tls: LuaTls) => string): Method<LuaTls> {
  return (L, tls) => {
    pushText(L, read(tls))
    return 1
  }
}

function tlsList(read: (tls: LuaTls) => readonly string[]): Method<LuaTls> {
  return (L, tls) => {
    pushJson(L, read(tls))
    return 1
  }
}

function tlsFlag(read: (tls: LuaTls) => boolean): Method<LuaTls> {
  return (L, tls) => {
    lua.lua_pushboolean(L, read(tls))
    return 1
  }
}

const TLS: ObjectKind<LuaTls> = {
  name: 'ssl',
  methods: {
    peerCertificatePresented: tlsFlag((tls) => tls.presented),
    peerCertificateValidated: tlsFlag((tls) => tls.mtls),
    subjectPeerCertificate: tlsText((tls) => tls.peerSubject),
    sha256PeerCertificateDigest: tlsText((tls) => tls.peerSha256),
    tlsVersion: tlsText((tls) => tls.version),
    ciphersuiteString: tlsText((tls) => tls.cipher),
    uriSanPeerCertificate: tlsList((tls) => tls.peerUriSans),
    dnsSansPeerCertificate: tlsList((tls) => tls.peerDnsSans),
    uriSanLocalCertificate: tlsList((tls) => tls.localUriSans),
    dnsSansLocalCertificate: tlsList((tls) => tls.localDnsSans),
    subjectLocalCertificate: tlsText((tls) => tls.localSubject),
    issuerPeerCertificate: tlsText((tls) => tls.peerIssuer),
    serialNumberPeerCertificate: tlsText((tls) => tls.peerSerial),
    urlEncodedPemEncodedPeerCertificate: tlsText((tls) => tls.peerPem),
    sessionId: tlsText((tls) => tls.sessionId),
  },
}

function pushTls(L: LuaState, tls: LuaTls | undefined): number {
  if (tls === undefined) lua.lua_pushnil(L)
  else pushObject(L, TLS, tls)
  return 1
}

const CONNECTION: ObjectKind<LuaStreamHost> = {
  name: 'connection',
  methods: { ssl: (L, host) => pushTls(L, host.tls) },
}

function push<T>(L: LuaState, kind: ObjectKind<T>, self: T): number {
  pushObject(L, kind, self)
  return 1
}

function log(level: LuaLogLevel): Method<StreamHandle> {
  return (L, { host }) => {
    host.log(level, needText(L, 2, 'string').slice(0, MAX_LOG))
    return 0
  }
}

const MAX_LOG = 16 * 1024

const ASYNCHRONOUS = "http call asynchronous flag must be 'true', 'false', or empty"

function httpCall(L: LuaState, { host }: StreamHandle): number {
  const options = lua.lua_type(L, 5) === lua.LUA_TTABLE ? callOptions(L) : callFlags(L)
  const cluster = needText(L, 2, 'string')
  if (lua.lua_type(L, 3) !== lua.LUA_TTABLE) throwLua(L, 'headers must be a table')
  const body = textOr(L, 4, '')
  if (options.timeoutMs < 0) throwLua(L, 'http call timeout must be >= 0')
  const headers = HeaderMap.of(
    headersAt(L, 3).sort(([a], [b]) => Number(b.startsWith(':')) - Number(a.startsWith(':'))),
  )
  for (const name of [':path', ':method', ':authority']) {
    if (!headers.has(name)) throwLua(L, "http call headers must include ':path', ':method', and ':authority'")
  }
  if (isGiven(L, 4)) headers.set('content-length', String(body.length))
  if (!host.call({ cluster, headers, body, ...options })) throwLua(L, 'http call cluster invalid. Must be configured')
  if (options.async) return 0
  host.wait({ for: 'call', lists: options.lists })
  return lua.lua_yield(L, 0)
}

/** `timeout_ms, asynchronous` */
function callFlags(L: LuaState) {
  const flag = lua.lua_type(L, 6)
  if (flag !== lua.LUA_TNONE && flag !== lua.LUA_TBOOLEAN) throwLua(L, ASYNCHRONOUS)
  return { timeoutMs: needInt(L, 5), async: lua.lua_toboolean(L, 6), lists: false }
}

function callOptions(L: LuaState) {
  const options = jsonAt(L, 5) as Readonly<Record<string, unknown>>
  const { timeout_ms: timeout = 0, asynchronous: async = false, return_duplicate_headers: lists = false } = options
  if (typeof timeout !== 'number') throwLua(L, 'timeout_ms is a number')
  if (typeof async !== 'boolean') throwLua(L, ASYNCHRONOUS)
  return { timeoutMs: Math.trunc(timeout), async, lists: lists === true }
}

/** What a script's functions are called with. */
export const STREAM: ObjectKind<StreamHandle> = {
  name: 'stream handle',
  methods: {
    logTrace: log('trace'),
    logDebug: log('debug'),
    logInfo: log('info'),
    logWarn: log('warn'),
    logErr: log('error'),
    logCritical: log('fatal'),
    headers: (L, { host }) => push(L, HEADERS, host.headers),
    body(L, { host }) {
      const given = lua.lua_type(L, 2)
      if (given !== lua.LUA_TNONE && given !== lua.LUA_TBOOLEAN) throwLua(L, 'bad argument #1 (boolean expected)')
      const wrap = lua.lua_toboolean(L, 2)
      if (host.bodyPassed) throwLua(L, 'cannot call body() after body has been streamed')
      if (host.body === undefined && !host.ended) {
        host.wait({ for: 'body', wrap })
        return lua.lua_yield(L, 0)
      }
      return pushBody(L, host, wrap)
    },
    bodyChunks(L, { host }) {
      if (host.bodySeen) throwLua(L, 'cannot call bodyChunks after body processing has begun')
      lua.lua_pushcfunction(L, (state) => {
        if (host.ended) {
          lua.lua_pushnil(state)
          return 1
        }
        host.wait({ for: 'chunk' })
        return lua.lua_yield(state, 0)
      })
      return 1
    },
    trailers(L, { host }) {
      if (host.trailers !== undefined) return push(L, HEADERS, host.trailers)
      if (host.ended) return NO_VALUE
      host.wait({ for: 'trailers' })
      return lua.lua_yield(L, 0)
    },
    metadata: (L, { host }) => push(L, METADATA, host.metadata),
    virtualHost: (L, { host }) => push(L, CONFIGURED, host.virtualHostMetadata),
    route: (L, { host }) => push(L, CONFIGURED, host.metadata),
    connectionStreamInfo: (L, { host }) => push(L, CONNECTION_INFO, host),
    filterContext: (L, { host }) => push(L, METADATA, host.filterContext),
    streamInfo: (L, { host }) => push(L, STREAM_INFO, host),
    connection: (L, { host }) => push(L, CONNECTION, host),
    httpCall,
    respond(L, { host }) {
      if (host.headers.fixed) throwLua(L, 'respond() cannot be called if headers have been continued')
      if (host.isResponse) throwLua(L, 'respond() not currently supported in the response path')
      if (lua.lua_type(L, 2) !== lua.LUA_TTABLE) throwLua(L, 'respond() takes a table of headers')
      const body = textOr(L, 3, '')
      const headers = headersAt(L, 2)
      const status = Number(headers.find(([name]) => name === ':status')?.[1])
      if (!(status >= 200 && status < 600)) throwLua(L, ':status must be between 200-599')
      host.respond(headers, body)
      // A script that has answered is over: it never wakes again.
      host.wait({ for: 'nothing' })
      return lua.lua_yield(L, 0)
    },
    importPublicKey,
    verifySignature,
    clearRouteCache(_L, { host }) {
      host.clearRouteCache()
      return 0
    },
    base64Escape(L) {
      pushText(L, Buffer.from(needText(L, 2, 'string'), 'latin1').toString('base64'))
      return 1
    },
    timestamp(L) {
      if (!['', MILLISECOND].includes(textOr(L, 2, ''))) throwLua(L, 'timestamp format must be MILLISECOND.')
      lua.lua_pushnumber(L, Math.floor(performance.timeOrigin + performance.now()))
      return 1
    },
    timestampString(L) {
      const format = textOr(L, 2, '')
      if (!['', MILLISECOND, MICROSECOND].includes(format)) {
        throwLua(L, 'timestamp format must be MILLISECOND or MICROSECOND.')
      }
      const now = performance.timeOrigin + performance.now()
      pushText(L, String(Math.floor(format === MICROSECOND ? now * 1000 : now)))
      return 1
    },
  },
}

/** `EnvoyTimestampResolution` */
const MILLISECOND = '0'
const MICROSECOND = '1'

/** What `body()` returns: a buffer object (also of an empty body), or nil without a body unless one is wanted anyway. */
export function pushBody(L: LuaState, host: LuaStreamHost, wrap: boolean): number {
  const buffer = host.body ?? (wrap ? host.addBody() : undefined)
  if (buffer === undefined) return NO_VALUE
  pushObject(L, BODY, { buffer, headers: host.headers })
  return 1
}

/** Pushes headers that a script got by a call. */
export function pushHeaders(L: LuaState, headers: LuaHeaders): number {
  pushObject(L, HEADERS, headers)
  return 1
}

/**
 * The results of `httpCall`: a table of headers and the body. Of several values of a header the last one counts; with `lists`
 * (`return_duplicate_headers`) they are a list.
 */
export function pushCallResult(L: LuaState, headers: HeaderMap, body: Uint8Array, lists: boolean): number {
  lua.lua_newtable(L)
  for (const [name, value] of headers) {
    const values = lists ? headers.getAll(name) : []
    if (values.length > 1) pushJson(L, values)
    else pushText(L, value)
    lua.lua_setfield(L, -2, to_luastring(name))
  }
  if (body.length === 0) lua.lua_pushnil(L)
  else pushBytes(L, body)
  return 2
}

/** What `bodyChunks()` gives in each turn; `undefined` ends it. */
export function pushChunk(L: LuaState, host: LuaStreamHost, chunk: BodyBuffer | undefined): number {
  if (chunk === undefined) lua.lua_pushnil(L)
  else pushObject(L, BODY, { buffer: chunk, headers: host.headers })
  return 1
}

/** All of them, whose metatables every VM has. */
export const KINDS = [
  HEADERS,
  BODY,
  METADATA,
  DYNAMIC,
  STREAM_INFO,
  FILTER_STATE,
  PUBLIC_KEY,
  TLS,
  CONNECTION,
  CONNECTION_INFO,
  CONFIGURED,
  STREAM,
] as unknown as readonly ObjectKind<unknown>[]
