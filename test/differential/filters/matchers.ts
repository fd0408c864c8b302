/** Matchers of Envoy's as configurations write them, over a few headers and texts that requests have, too. */
import type { Dice } from './dice.ts'

export const TEXTS = ['1', '', 'abc', 'ABC', 'a,b', '15', '-3', ' x ', 'a b', '1.5', '+7', '007', '9223372036854775808']
const REQUEST_HEADERS = ['x-a', 'X-A', 'x-none', 'x-two', 'x-empty', ':path', ':method', ':authority', 'host']

export function stringMatcher(dice: Dice, texts: readonly string[] = TEXTS): Record<string, unknown> {
  const text = dice.pick(texts.filter((one) => one !== ''))
  const insensitive = dice.chance(0.3) ? { ignore_case: true } : {}
  return dice.pick<() => Record<string, unknown>>([
    () => ({ exact: dice.pick(texts), ...insensitive }),
    () => ({ prefix: text.slice(0, 2), ...insensitive }),
    () => ({ suffix: text.slice(-2), ...insensitive }),
    () => ({ contains: text.slice(0, 1), ...insensitive }),
    () => ({
      safe_regex: { regex: dice.pick(['a.*', '[0-9]+', '', '.*', 'abc|ABC', '(?i)abc', '^1$', '\\w', '/a/?']) },
    }),
  ])()
}

export function headerMatcher(dice: Dice): Record<string, unknown> {
  const text = dice.pick(TEXTS.filter((one) => one !== ''))
  const how = dice.pick<() => Record<string, unknown>>([
    () => ({ string_match: stringMatcher(dice) }),
    () => ({ string_match: stringMatcher(dice) }),
    () => ({ exact_match: dice.pick(TEXTS) }),
    () => ({ prefix_match: text.slice(0, 1) }),
    () => ({ suffix_match: text.slice(-1) }),
    () => ({ contains_match: text }),
    () => ({ safe_regex_match: { regex: dice.pick(['[0-9]+', 'a.c', '.*']) } }),
    () => ({ range_match: { start: dice.pick([-10, 0, 1]), end: dice.pick([1, 2, 16, 100]) } }),
    () => ({ present_match: dice.chance(0.5) }),
    () => ({}),
  ])()
  return {
    name: dice.pick(REQUEST_HEADERS),
    ...how,
    ...(dice.chance(0.3) ? { invert_match: true } : {}),
    ...(dice.chance(0.3) ? { treat_missing_header_as_empty: true } : {}),
  }
}

export const ADDRESSES = ['127.0.0.1', '10.1.2.3', '192.168.1.77', '::1', '2001:db8::5', '::ffff:10.1.2.3', '10.1.2.3']

export function cidr(dice: Dice): Record<string, unknown> {
  const address_prefix = dice.pick([...ADDRESSES, '10.0.0.0', '0.0.0.0', '::', '2001:db8::'])
  const widest = address_prefix.includes(':') ? 128 : 32
  const length = dice.pick([undefined, 0, 1, 8, 9, 24, widest - 1, widest])
  return { address_prefix, ...(length === undefined ? {} : { prefix_len: length }) }
}
