import type { RE2JS } from 're2js'
import type { Bootstrap } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { compileRe2 } from '../../base/re2.ts'
import { messageOf } from '../../errors.ts'
import { invalid, unsupported } from '../config/fields.ts'

/** A rule of `stats_config.stats_tags`: what of a name becomes a label. */
export interface StatTag {
  readonly name: string
  readonly pattern: RE2JS | undefined
  /** In place of a pattern: the label's value everywhere. */
  readonly fixed: string
}

/** Reads `stats_config.stats_tags` of the bootstrap. */
export function statTags(bootstrap: Bootstrap): StatTag[] {
  return (bootstrap.statsConfig?.statsTags ?? []).map(({ tagName, tagValue }, i) => {
    const path = `bootstrap.stats_config.stats_tags[${i}]`
    if (tagValue.case === 'fixedValue') return { name: tagName, pattern: undefined, fixed: tagValue.value }
    if (tagValue.case !== 'regex') throw unsupported(path, 'a tag without a regex or a fixed value')
    try {
      return { name: tagName, pattern: compileRe2(tagValue.value), fixed: '' }
    } catch (error) {
      throw invalid(`${path}.regex`, messageOf(error))
    }
  })
}

/** As Envoy does it: the first group is taken out of the name, the second, or the first where there is none, is the value. */
export function extractTags(raw: string, tags: readonly StatTag[]): { rest: string; found: Record<string, string> } {
  let rest = raw
  const found: Record<string, string> = {}
  for (const { name, pattern, fixed } of tags) {
    if (pattern === undefined) {
      found[name] = fixed
      continue
    }
    const matcher = pattern.matcher(rest)
    if (!matcher.find() || matcher.groupCount() === 0) continue
    const value = matcher.groupCount() > 1 ? matcher.group(2) : null
    found[name] = value ?? matcher.group(1) ?? ''
    const [start, end] = [matcher.start(1), matcher.end(1)]
    if (start >= 0) rest = rest.slice(0, start) + rest.slice(end)
  }
  return { rest, found }
}
