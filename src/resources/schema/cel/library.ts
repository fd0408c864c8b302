import { type CelFunc, type CelInput, type CelList, CelScalar, celFunc, celMethod, listType } from '@bufbuild/cel'
import { strings } from '@bufbuild/cel/ext'
import { findAll, findFirst } from '../pattern.ts'
import { FORMAT_LIBRARY } from './named-format.ts'
import { NETWORK_LIBRARY } from './network.ts'
import { OPTIONAL_NONE, opaque, opaqueMethod, optionalItems, optionalOf } from './opaque.ts'
import { parseUrl } from './url.ts'

const { BOOL, DYN, INT, STRING } = CelScalar
const LIST = listType(DYN)

const urlPart = (name: string, field: string) => opaqueMethod('url', name, (get) => String(get(field)))

const urls: CelFunc[] = [
  celFunc('isURL', [STRING], BOOL, (text) => parseUrl(text) !== undefined),
  celFunc('url', [STRING], DYN, (text) => {
    const url = parseUrl(text)
    if (url === undefined) throw new Error(`URL parse error during conversion from string: ${JSON.stringify(text)}`)
    const query = new Map<string, string[]>()
    for (const [key, value] of url.query) query.set(key, [...(query.get(key) ?? []), value])
    return opaque('url', { ...url, query }) as never
  }),
  urlPart('getScheme', 'scheme'),
  urlPart('getHost', 'host'),
  urlPart('getHostname', 'hostname'),
  urlPart('getPort', 'port'),
  urlPart('getEscapedPath', 'path'),
  opaqueMethod('url', 'getQuery', (get) => get('query') as CelInput),
]

const regex: CelFunc[] = [
  celMethod('find', STRING, [STRING], STRING, function (pattern) {
    return findFirst(pattern, this)
  }),
  celMethod('findAll', STRING, [STRING], listType(STRING), function (pattern) {
    return findAll(pattern, this)
  }),
  celMethod('findAll', STRING, [STRING, INT], listType(STRING), function (pattern, limit) {
    const all = findAll(pattern, this)
    return limit < 0n ? all : all.slice(0, Number(limit))
  }),
]

type Comparable = bigint | number | string | boolean

const items = (list: CelList) => [...list] as Comparable[]

const pick = (name: string, better: (a: Comparable, b: Comparable) => boolean) =>
  celMethod(name, LIST, [], DYN, function () {
    const all = items(this)
    if (all.length === 0) throw new Error(`${name} called on empty list`)
    return all.reduce((best, item) => (better(item, best) ? item : best)) as never
  })

const lists: CelFunc[] = [
  celMethod('isSorted', LIST, [], BOOL, function () {
    return items(this).every((item, i, all) => i === 0 || all[i - 1] <= item)
  }),
  celMethod('sum', LIST, [], DYN, function () {
    const all = items(this)
    if (all.every((item) => typeof item === 'bigint')) return all.reduce((total, item) => total + item, 0n) as never
    return all.reduce((total: number, item) => total + Number(item), 0) as never
  }),
  pick('min', (a, b) => a < b),
  pick('max', (a, b) => a > b),
  celMethod('indexOf', LIST, [DYN], INT, function (wanted) {
    return BigInt(items(this).indexOf(wanted as Comparable))
  }),
  celMethod('lastIndexOf', LIST, [DYN], INT, function (wanted) {
    return BigInt(items(this).lastIndexOf(wanted as Comparable))
  }),
]

const sets: CelFunc[] = [
  celFunc('sets.contains', [LIST, LIST], BOOL, (a, b) => contains(items(a), items(b))),
  celFunc('sets.equivalent', [LIST, LIST], BOOL, (a, b) => {
    return contains(items(a), items(b)) && contains(items(b), items(a))
  }),
  celFunc('sets.intersects', [LIST, LIST], BOOL, (a, b) => items(a).some((item) => items(b).includes(item))),
]

function contains(all: readonly Comparable[], some: readonly Comparable[]): boolean {
  return some.every((item) => all.includes(item))
}

const optionals: CelFunc[] = [
  celFunc('optional.of', [DYN], DYN, (value) => optionalOf(value as CelInput) as never),
  celFunc('optional.none', [], DYN, () => OPTIONAL_NONE as never),
  celMethod('hasValue', DYN, [], BOOL, function () {
    return optionalItems(this).length === 1
  }),
  celMethod('value', DYN, [], DYN, function () {
    const [value] = optionalItems(this)
    if (value === undefined) throw new Error('optional.none() dereference')
    return value as never
  }),
  celMethod('orValue', DYN, [DYN], DYN, function (otherwise) {
    const [value] = optionalItems(this)
    return (value === undefined ? otherwise : value) as never
  }),
]

/**
 * Kubernetes' functions beyond the language (k8s.io/apiserver/pkg/cel/library), as far as the CRDs that are around use them. Not
 * here: authorizer, quantity, semver. A CRD that calls one of these is refused when it is created.
 */
export const LIBRARY: readonly CelFunc[] = [
  ...strings,
  ...urls,
  ...regex,
  ...lists,
  ...sets,
  ...optionals,
  ...NETWORK_LIBRARY,
  ...FORMAT_LIBRARY,
]
