/** Fields that the codec itself looks at. Other names have id 0. */
export const FieldId = {
  Other: 0,
  Authority: 1,
  Path: 2,
  Method: 3,
  Scheme: 4,
  Status: 5,
  Protocol: 6,
  /** A name that begins with a colon and is none of the above. */
  UnknownPseudo: 7,
  ContentLength: 8,
  Cookie: 9,
  Host: 10,
  Te: 11,
  /** RFC 9113 8.2.2: what belongs to a connection of HTTP/1.1 and has no place here. */
  ConnectionSpecific: 12,
} as const

/** The last id of a pseudo header. */
export const LAST_PSEUDO = FieldId.UnknownPseudo

/** A field's name, looked at once. */
export interface FieldName {
  readonly name: string
  readonly id: number
  /** RFC 9113 8.2.1: a token without upper case. */
  readonly valid: boolean
}

const IDS: ReadonlyMap<string, number> = new Map([
  [':authority', FieldId.Authority],
  [':path', FieldId.Path],
  [':method', FieldId.Method],
  [':scheme', FieldId.Scheme],
  [':status', FieldId.Status],
  [':protocol', FieldId.Protocol],
  ['content-length', FieldId.ContentLength],
  ['cookie', FieldId.Cookie],
  ['host', FieldId.Host],
  ['te', FieldId.Te],
  ['connection', FieldId.ConnectionSpecific],
  ['keep-alive', FieldId.ConnectionSpecific],
  ['proxy-connection', FieldId.ConnectionSpecific],
  ['transfer-encoding', FieldId.ConnectionSpecific],
  ['upgrade', FieldId.ConnectionSpecific],
])

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** Peers choose names, so the cache stops growing at this many. */
const MAX_CACHED = 1024
const cache = new Map<string, FieldName>()

/** Looks a name up that has come. */
export function fieldName(name: string): FieldName {
  const cached = cache.get(name)
  if (cached !== undefined) return cached
  const pseudo = name.charCodeAt(0) === 58
  const known = IDS.get(name) ?? (pseudo ? FieldId.UnknownPseudo : FieldId.Other)
  const field: FieldName = { name, id: known, valid: NAME.test(name) }
  if (cache.size < MAX_CACHED && name.length <= 64) cache.set(name, field)
  return field
}
