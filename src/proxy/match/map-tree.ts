import { type ServerNameMatcher, ServerNameMatcherSchema } from '../../../gen/xds/type/matcher/v3/domain_pb.ts'
import { type IPMatcher, IPMatcherSchema } from '../../../gen/xds/type/matcher/v3/ip_pb.ts'
import type { Matcher_MatcherTree, Matcher_OnMatch } from '../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { unpack } from '../config/any.ts'
import { invalid, unsupported } from '../config/fields.ts'
import { cidrMatch } from './cidr.ts'
import { domainTree } from './domain-tree.ts'
import type { Branch, CompileBranch, MatchInput } from './tree.ts'
import { UNDECIDED } from './undecided.ts'

/** `matcher_tree`: a value leads to an action by what it is, begins with, or which network it lies in. */
export function mapTree<S, A>(
  { treeType: type }: Matcher_MatcherTree,
  path: string,
  input: MatchInput<S>,
  compile: CompileBranch<S, A>,
): Branch<S, A> {
  const entries = (map: Readonly<Record<string, Matcher_OnMatch>>, where: string): [string, Branch<S, A>][] => {
    const list = Object.entries(map)
    if (list.length === 0) throw invalid(`${where}.map`, 'is empty')
    return list.map(([key, value]) => [byteString(key), compile(value, `${where}.map["${key}"]`)])
  }
  switch (type.case) {
    case 'exactMatchMap': {
      const map = new Map(entries(type.value.map, `${path}.exact_match_map`))
      return (subject) => {
        const value = input(subject)
        return value === UNDECIDED ? UNDECIDED : map.get(value ?? NONE)?.(subject)
      }
    }
    case 'prefixMatchMap': {
      const prefixes = entries(type.value.map, `${path}.prefix_match_map`).sort(([a], [b]) => b.length - a.length)
      return firstOf(
        prefixes.map(([prefix, next]) => ({ holds: (value: string) => value.startsWith(prefix), next })),
        input,
      )
    }
    case 'customMatch': {
      const where = `${path}.custom_match.typed_config`
      const { typeName, message } = unpack(type.value.typedConfig, where)
      if (typeName === IPMatcherSchema.typeName) return firstOf(networks(message as IPMatcher, where, compile), input)
      if (typeName === ServerNameMatcherSchema.typeName)
        return domainTree(message as ServerNameMatcher, where, input, compile)
      throw unsupported(where, `matcher ${typeName}`)
    }
    default:
      throw invalid(path, 'exact_match_map, prefix_match_map or custom_match is missing')
  }
}

/** No byte string has it. */
const NONE = '\uffff'

interface Candidate<S, A> {
  holds(value: string): boolean
  readonly next: Branch<S, A>
  /** Not looked at where an earlier one holds, though that one leads nowhere. */
  readonly exclusive?: boolean
}

function firstOf<S, A>(branches: readonly Candidate<S, A>[], input: MatchInput<S>): Branch<S, A> {
  return (subject) => {
    const value = input(subject)
    if (value === undefined || value === UNDECIDED) return value
    let held = false
    for (const { holds, next, exclusive } of branches) {
      if ((held && exclusive === true) || !holds(value)) continue
      held = true
      const action = next(subject)
      if (action !== undefined) return action
    }
    return undefined
  }
}

/** The narrowest network first. */
function networks<S, A>({ rangeMatchers }: IPMatcher, path: string, compile: CompileBranch<S, A>): Candidate<S, A>[] {
  return rangeMatchers
    .flatMap(({ ranges, onMatch, exclusive }, i) => {
      const where = `${path}.range_matchers[${i}]`
      if (ranges.length === 0) throw invalid(`${where}.ranges`, 'is empty')
      if (onMatch === undefined) throw invalid(`${where}.on_match`, 'is missing')
      const next = compile(onMatch, `${where}.on_match`)
      return ranges.map((range) => ({
        bits: range.prefixLen ?? 0,
        holds: cidrMatch([range], `${where}.ranges`),
        next,
        exclusive,
      }))
    })
    .sort((a, b) => b.bits - a.bits)
}
