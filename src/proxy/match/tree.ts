/**
 * xDS's generic matching (`xds.type.matcher.v3.Matcher`): a tree of conditions that leads to an action. What it reads and what it leads to
 * is up to the one who compiles it.
 */

import type { TypedExtensionConfig } from '../../../gen/xds/core/v3/extension_pb.ts'
import type {
  Matcher,
  Matcher_MatcherList,
  Matcher_MatcherList_Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate,
  Matcher_OnMatch,
} from '../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import { unpack } from '../config/any.ts'
import { invalid } from '../config/fields.ts'
import { customMatch } from './custom-match.ts'
import { mapTree } from './map-tree.ts'
import type { TextMatch } from './string.ts'
import { UNDECIDED, type Undecided } from './undecided.ts'
import { xdsBytesMatch } from './xds-string.ts'

/** The action that a subject leads to; undefined: none. */
export type MatchTree<S, A> = (subject: S) => A | undefined

/** A value of a subject as a byte string; undefined: it has none, and no condition on it holds. */
export type MatchInput<S> = (subject: S) => string | Undecided | undefined

/** Where a branch leads. */
export type Branch<S, A> = (subject: S) => A | Undecided | undefined

/** Compiles what stands behind a condition: an action, or another tree. */
export type CompileBranch<S, A> = (value: Matcher_OnMatch, path: string) => Branch<S, A>

/** What a tree consists of besides its structure. */
interface MatchParts<S, A> {
  /** `keep_matching`, which Envoy refuses where a match has no effect but to be told of. */
  readonly keepsMatching?: boolean
  input(typeName: string, message: unknown, path: string): MatchInput<S>
  action(typeName: string, message: unknown, path: string): A
}

/** Compiles a Matcher. What depends on a value that does not exist yet leads nowhere. */
export function matchTree<S, A>(matcher: Matcher, path: string, parts: MatchParts<S, A>): MatchTree<S, A> {
  const found = tree(matcher, path, parts)
  return (subject) => {
    const action = found(subject)
    return action === UNDECIDED ? undefined : action
  }
}

function tree<S, A>(matcher: Matcher, path: string, parts: MatchParts<S, A>): Branch<S, A> {
  const type = matcher.matcherType
  const none = matcher.onNoMatch && onMatch(matcher.onNoMatch, `${path}.on_no_match`, parts)
  let found: Branch<S, A> | undefined
  if (type.case === 'matcherList') found = list(type.value, `${path}.matcher_list`, parts)
  else if (type.case === 'matcherTree') {
    const where = `${path}.matcher_tree`
    const input = inputOf(type.value.input, `${where}.input`, parts)
    found = mapTree(type.value, where, input, (value, place) => onMatch(value, place, parts))
  }
  return (subject) => found?.(subject) ?? none?.(subject)
}

function onMatch<S, A>(config: Matcher_OnMatch, path: string, parts: MatchParts<S, A>): Branch<S, A> {
  const found = destination(config, path, parts)
  if (!config.keepMatching) return found
  if (parts.keepsMatching !== true) throw invalid(`${path}.keep_matching`, 'has no meaning here')
  return (subject) => (found(subject) === UNDECIDED ? UNDECIDED : undefined)
}

function destination<S, A>({ onMatch: on }: Matcher_OnMatch, path: string, parts: MatchParts<S, A>): Branch<S, A> {
  switch (on.case) {
    case 'matcher':
      return tree(on.value, `${path}.matcher`, parts)
    case 'action': {
      const where = `${path}.action.typed_config`
      const { typeName, message } = unpack(on.value.typedConfig, where)
      const action = parts.action(typeName, message, where)
      return () => action
    }
    default:
      throw invalid(path, 'a matcher or an action is missing')
  }
}

/** The first that holds and leads somewhere. */
function list<S, A>({ matchers }: Matcher_MatcherList, path: string, parts: MatchParts<S, A>): Branch<S, A> {
  if (matchers.length === 0) throw invalid(`${path}.matchers`, 'is empty')
  const compiled = matchers.map(({ predicate, onMatch: on }, i) => {
    const where = `${path}.matchers[${i}]`
    if (on === undefined) throw invalid(`${where}.on_match`, 'is missing')
    return { holds: condition(predicate, `${where}.predicate`, parts), next: onMatch(on, `${where}.on_match`, parts) }
  })
  return (subject) => {
    for (const { holds, next } of compiled) {
      const held = holds(subject)
      if (held === UNDECIDED) return UNDECIDED
      const action = held ? next(subject) : undefined
      if (action !== undefined) return action
    }
    return undefined
  }
}

type Condition<S> = (subject: S) => boolean | Undecided

function condition<S, A>(
  predicate: Matcher_MatcherList_Predicate | undefined,
  path: string,
  parts: MatchParts<S, A>,
): Condition<S> {
  const type = predicate?.matchType
  const all = (predicates: readonly Matcher_MatcherList_Predicate[], where: string): Condition<S>[] => {
    if (predicates.length < 2) throw invalid(`${where}.predicate`, 'needs two or more')
    return predicates.map((one, i) => condition(one, `${where}.predicate[${i}]`, parts))
  }
  switch (type?.case) {
    case 'singlePredicate':
      return single(type.value, `${path}.single_predicate`, parts)
    case 'orMatcher': {
      const conditions = all(type.value.predicate, `${path}.or_matcher`)
      return (subject) => {
        let answer: boolean | Undecided = false
        for (const holds of conditions) {
          const held = holds(subject)
          if (held === true) return true
          if (held === UNDECIDED) answer = UNDECIDED
        }
        return answer
      }
    }
    case 'andMatcher': {
      const conditions = all(type.value.predicate, `${path}.and_matcher`)
      return (subject) => {
        for (const holds of conditions) {
          const held = holds(subject)
          if (held !== true) return held
        }
        return true
      }
    }
    case 'notMatcher': {
      const holds = condition(type.value, `${path}.not_matcher`, parts)
      return (subject) => {
        const held = holds(subject)
        return held === UNDECIDED ? UNDECIDED : !held
      }
    }
    default:
      throw invalid(path, 'a predicate is missing')
  }
}

function single<S, A>(
  { input, matcher }: Matcher_MatcherList_Predicate_SinglePredicate,
  path: string,
  parts: MatchParts<S, A>,
): Condition<S> {
  const read = inputOf(input, `${path}.input`, parts)
  const matches = valueMatch(matcher, path)
  return (subject) => {
    const value = read(subject)
    return value === UNDECIDED ? UNDECIDED : value !== undefined && matches(value)
  }
}

function valueMatch(matcher: Matcher_MatcherList_Predicate_SinglePredicate['matcher'], path: string): TextMatch {
  switch (matcher.case) {
    case 'valueMatch':
      return xdsBytesMatch(matcher.value, `${path}.value_match`)
    case 'customMatch':
      return customMatch(matcher.value, `${path}.custom_match`)
    default:
      throw invalid(path, 'value_match or custom_match is missing')
  }
}

function inputOf<S, A>(config: TypedExtensionConfig | undefined, path: string, parts: MatchParts<S, A>): MatchInput<S> {
  const where = `${path}.typed_config`
  const { typeName, message } = unpack(config?.typedConfig, where)
  return parts.input(typeName, message, where)
}
