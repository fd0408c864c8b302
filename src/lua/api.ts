/** Envoy's Lua API: the objects and methods that a script may use (Envoy documentation, "Lua", Stream handle API). */
import type { LuaState } from 'fengari'
import { BodyBuffer } from '../base/body-buffer.ts'
import { HeaderMap } from '../base/header-map.ts'
import type { LuaInfoName, LuaLogLevel, LuaStreamHost, LuaTls } from './host.ts'
import { lua, to_luastring } from './interpreter.ts'
import { type Method, type ObjectKind, pushObject } from './objects.ts'
import { importPublicKey, PUBLIC_KEY, verifySignature } from './signature.ts'
import { headersAt, jsonAt, needText, pushBytes, pushJson, pushText, textAt, throwLua } from './values.ts'

/** A stream handle with the run that uses it. */
export interface StreamHandle {
  readonly host: LuaStreamHost
  readonly run: unknown
}

/** A body or a chunk of one; changing a whole body changes the announced length. */
interface BodyHandle {
  readonly buffer: BodyBuffer
  readonly headers: HeaderMap | undefined
}

export const HEADERS: ObjectKind<HeaderMap> = {
  name: 'headers',
  methods: {
    get(L, headers) {
      const values = headers.getAll(needText(L, 2, 'string').toLowerCase())
      if (values.length === 0) lua.lua_pushnil(L)
      else pushText(L, values.join(','))
      return 1
    },
    getAtIndex(L, headers) {
      const value = headers.getAll(needText(L, 2, 'string').toLowerCase())[lua.lua_tonumber(L, 3)]
      if (value === undefined) lua.lua_pushnil(L)
      else pushText(L, value)
      return 1
    },
    getNumValues(L, headers) {
      lua.lua_pushinteger(L, headers.getAll(needText(L, 2, 'string').toLowerCase()).length)
      return 1
    },
    add(L, headers) {
      headers.add(...pairOf(L))
      return 0
    },
    replace(L, headers) {
      headers.set(...pairOf(L))
      return 0
    },
    remove(L, headers) {
      headers.remove(needText(L, 2, 'string').toLowerCase())
      return 0
    },
  },
  pairs: (headers) => [...headers].map(([name, value]) => [name, (L) => pushText(L, value)] as const),
}

/** Names and values that would end a header line are the script's mistake, not the codec's problem. */
function pairOf(L: LuaState): [string, string] {
  const name = needText(L, 2, 'string').toLowerCase()
  const value = needText(L, 3, 'string')
  if (!/^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || /[\0\r\n]/.test(value)) throwLua(L, `invalid header «${name}»`)
  return [name, value]
}

export const BODY: ObjectKind<BodyHandle> = {
  name: 'buffer',
  methods: {
    length(L, { buffer }) {
      lua.lua_pushinteger(L, buffer.length)
      return 1
    },
    getBytes(L, { buffer }) {
      const index = lua.lua_tonumber(L, 2)
      const length = lua.lua_tonumber(L, 3)
      if (!(index >= 0 && length >= 0 && index + length <= buffer.length)) {
        throwLua(L, 'index/length must be >= 0 and (index + length) must be <= buffer size')
      }
      pushBytes(L, buffer.linearize().subarray(index, index + length))
      return 1
    },
    setBytes(L, { buffer, headers }) {
      const bytes = Buffer.from(needText(L, 2, 'string'), 'latin1')
      buffer.replace(bytes)
      headers?.set('content-length', String(bytes.length))
      lua.lua_pushinteger(L, bytes.length)
      return 1
    },
  },
}

const METADATA: ObjectKind<Readonly<Record<string, unknown>>> = {
  name: 'metadata',
  methods: {
    get(L, metadata) {
      pushJson(L, metadata[needText(L, 2, 'string')])
      return 1
    },
  },
  pairs: (metadata) => Object.entries(metadata).map(([key, value]) => [key, (L) => pushJson(L, value)] as const),
}

const DYNAMIC: ObjectKind<LuaStreamHost> = {
  name: 'dynamicMetadata',
  methods: {
    get(L, host) {
      pushJson(L, host.dynamicMetadata(needText(L, 2, 'string')))
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

function httpCall(L: LuaState, { host }: StreamHandle): number {
  const cluster = needText(L, 2, 'string')
  if (lua.lua_type(L, 3) !== lua.LUA_TTABLE) throwLua(L, 'headers must be a table')
  const headers = HeaderMap.of(
    headersAt(L, 3).sort(([a], [b]) => Number(b.startsWith(':')) - Number(a.startsWith(':'))),
  )
  const body = textAt(L, 4) ?? ''
  let timeoutMs = 0
  let async = false
  if (lua.lua_type(L, 5) === lua.LUA_TTABLE) {
    const options = jsonAt(L, 5) as { timeout_ms?: unknown; asynchronous?: unknown }
    if (typeof options.timeout_ms === 'number') timeoutMs = options.timeout_ms
    async = options.asynchronous === true
  } else {
    timeoutMs = lua.lua_tonumber(L, 5)
    async = lua.lua_toboolean(L, 6)
  }
  if (timeoutMs < 0 || !Number.isFinite(timeoutMs)) throwLua(L, 'http call timeout must be >= 0')
  for (const name of [':path', ':method', ':authority']) {
    if (!headers.has(name)) throwLua(L, "http call headers must include ':path', ':method', and ':authority'")
  }
  if (body !== '') headers.set('content-length', String(body.length))
  if (!host.call({ cluster, headers, body, timeoutMs, async }))
    throwLua(L, 'http call cluster invalid. Must be configured')
  if (async) return 0
  host.wait({ for: 'call' })
  return lua.lua_yield(L, 0)
}

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
      const wrap = lua.lua_toboolean(L, 2)
      if (host.body === undefined && !host.ended) {
        host.wait({ for: 'body', wrap })
        return lua.lua_yield(L, 0)
      }
      return pushBody(L, host, wrap)
    },
    bodyChunks(L, { host }) {
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
      if (host.ended) {
        lua.lua_pushnil(L)
        return 1
      }
      host.wait({ for: 'trailers' })
      return lua.lua_yield(L, 0)
    },
    metadata: (L, { host }) => push(L, METADATA, host.metadata),
    filterContext: (L, { host }) => push(L, METADATA, host.filterContext),
    streamInfo: (L, { host }) => push(L, STREAM_INFO, host),
    connection: (L, { host }) => push(L, CONNECTION, host),
    httpCall,
    respond(L, { host }) {
      if (host.isResponse) throwLua(L, 'respond() not currently supported in the response path')
      if (lua.lua_type(L, 2) !== lua.LUA_TTABLE) throwLua(L, 'respond() takes a table of headers')
      const headers = headersAt(L, 2)
      const status = Number(headers.find(([name]) => name === ':status')?.[1])
      if (!(status >= 200 && status < 600)) throwLua(L, ':status must be between 200-599')
      host.respond(headers, textAt(L, 3) ?? '')
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
      const unit = textAt(L, 2)
      const now = performance.timeOrigin + performance.now()
      lua.lua_pushnumber(
        L,
        unit === 'EnvoyTimestampResolution.MICROSECOND' || unit === '1' ? Math.floor(now * 1000) : Math.floor(now),
      )
      return 1
    },
    timestampString(L) {
      pushText(L, String(Math.floor(performance.timeOrigin + performance.now())))
      return 1
    },
  },
}

/** What `body()` returns: a buffer object, or nil without a body unless one is wanted anyway. */
export function pushBody(L: LuaState, host: LuaStreamHost, wrap: boolean): number {
  const buffer = host.body ?? new BodyBuffer()
  if (buffer.length === 0 && !wrap) lua.lua_pushnil(L)
  else pushObject(L, BODY, { buffer, headers: host.headers })
  return 1
}

export function pushHeaders(L: LuaState, headers: HeaderMap): number {
  pushObject(L, HEADERS, headers)
  return 1
}

/** The results of `httpCall`: a table of headers and the body. */
export function pushCallResult(L: LuaState, headers: HeaderMap, body: Uint8Array): number {
  lua.lua_newtable(L)
  for (const [name, value] of headers) {
    pushText(L, headers.getAll(name).join(',') || value)
    lua.lua_setfield(L, -2, to_luastring(name))
  }
  if (body.length === 0) lua.lua_pushnil(L)
  else pushBytes(L, body)
  return 2
}

/** What `bodyChunks()` gives in each turn; `undefined` ends it. */
export function pushChunk(L: LuaState, chunk: BodyBuffer | undefined): number {
  if (chunk === undefined) lua.lua_pushnil(L)
  else pushObject(L, BODY, { buffer: chunk, headers: undefined })
  return 1
}

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
  STREAM,
] as unknown as readonly ObjectKind<unknown>[]
