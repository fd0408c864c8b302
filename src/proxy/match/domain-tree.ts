import type { ServerNameMatcher } from '../../../gen/xds/type/matcher/v3/domain_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { invalid } from '../config/fields.ts'
import type { Branch, CompileBranch, MatchInput } from './tree.ts'
import { UNDECIDED } from './undecided.ts'

/** `ServerNameMatcher`: a name leads to an action, or one of the wildcards that hold it does, the longest first. */
export function domainTree<S, A>(
  { domainMatchers }: ServerNameMatcher,
  path: string,
  input: MatchInput<S>,
  compile: CompileBranch<S, A>,
): Branch<S, A> {
  const exact = new Map<string, Branch<S, A>>()
  /** By what stands behind the star and the dot. */
  const wildcards = new Map<string, Branch<S, A>>()
  let any: Branch<S, A> | undefined
  const seen = new Set<string>()
  domainMatchers.forEach(({ domains, onMatch }, i) => {
    const where = `${path}.domain_matchers[${i}]`
    if (domains.length === 0) throw invalid(`${where}.domains`, 'is empty')
    // Envoy takes such a config, and falls over it.
    if (onMatch === undefined) throw invalid(`${where}.on_match`, 'is missing')
    const next = compile(onMatch, `${where}.on_match`)
    domains.forEach((domain, j) => {
      const place = `${where}.domains[${j}]`
      if (seen.has(domain)) throw invalid(place, `"${domain}" stands there twice`)
      seen.add(domain)
      if (!/^(?:\*|\*\.[^*]+|[^*]+)$/.test(domain))
        throw invalid(place, `"${domain}" is no name, and no wildcard like * or *.example.com`)
      if (domain === '*') any = next
      else if (domain.startsWith('*')) wildcards.set(byteString(domain.slice(2)), next)
      else exact.set(byteString(domain), next)
    })
  })
  return (subject) => {
    const name = input(subject)
    if (name === UNDECIDED) return UNDECIDED
    if (name === undefined || name === '') return undefined
    const action = exact.get(name)?.(subject)
    if (action !== undefined) return action
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const found = wildcards.get(name.slice(dot + 1))?.(subject)
      if (found !== undefined) return found
    }
    return any?.(subject)
  }
}
