/**
 * `filter_chain_matcher`: trees over what is known of connections, whose actions name chains. There is no `keep_matching` among them: Envoy 1.40
 * takes it and falls over the first connection that comes to it.
 */
import type { Dice } from '../filters/dice.ts'
import { stringMatcher } from '../filters/matchers.ts'
import { range } from './chains.ts'
import { LOOPBACK, NAMES, OWN_PORT, PROTOCOLS, SOURCE_PORT, TOLD, TOLD_6, WILDCARDS } from './words.ts'

const TYPE = 'type.googleapis.com'
const INPUTS = `${TYPE}/envoy.extensions.matching.common_inputs`

type Json = Record<string, unknown>

/** An input with values that it may have. */
const KINDS: readonly (readonly [type: string, fields: Json, values: readonly string[]])[] = [
  ['network.v3.DestinationIPInput', {}, TOLD],
  ['network.v3.DestinationPortInput', {}, [String(OWN_PORT), '80', '443']],
  ['network.v3.SourceIPInput', {}, [...TOLD, ...TOLD_6]],
  ['network.v3.SourcePortInput', {}, [String(SOURCE_PORT), '80', '1']],
  ['network.v3.DirectSourceIPInput', {}, LOOPBACK],
  ['network.v3.SourceTypeInput', {}, ['local', 'external', '']],
  ['network.v3.ServerNameInput', {}, [...NAMES, '']],
  ['network.v3.TransportProtocolInput', {}, ['tls', 'raw_buffer', '']],
  ['network.v3.ApplicationProtocolInput', {}, ["'h2'", "'h2','http/1.1'", "'http/1.1'", "'h2c'", 'h2', ...PROTOCOLS]],
  ['network.v3.FilterStateInput', { key: 'none' }, ['', 'a']],
  ['ssl.v3.SubjectInput', {}, ['', 'a']],
  ['environment_variable.v3.Config', { name: 'SLUICE_NOT_SET' }, ['', 'a']],
  ['network.v3.DynamicMetadataInput', { filter: 'a', path: [{ key: 'b' }] }, ['a']],
]

function input(dice: Dice): { readonly config: Json; readonly values: readonly string[] } {
  // The last one is refused: seldom.
  const [type, fields, values] = dice.chance(0.02) ? (KINDS.at(-1) as (typeof KINDS)[0]) : dice.pick(KINDS.slice(0, -1))
  return { config: { name: 'input', typed_config: { '@type': `${INPUTS}.${type}`, ...fields } }, values }
}

export function chainMatcher(dice: Dice, chains: readonly string[], depth = 0): Json {
  const on = () => onMatch(dice, chains, depth)
  const type = dice.pick<() => Json>([
    () => ({ matcher_list: { matchers: dice.list(1, 3, () => ({ predicate: predicate(dice), on_match: on() })) } }),
    () => ({ matcher_list: { matchers: dice.list(1, 3, () => ({ predicate: predicate(dice), on_match: on() })) } }),
    () => ({ matcher_tree: tree(dice, on) }),
    () => ({ matcher_tree: tree(dice, on) }),
    () => (depth === 0 || dice.chance(0.8) ? { matcher_tree: tree(dice, on) } : {}),
  ])()
  return { ...type, ...(dice.chance(0.5) ? { on_no_match: on() } : {}) }
}

function onMatch(dice: Dice, chains: readonly string[], depth: number): Json {
  if (depth < 2 && dice.chance(0.3)) return { matcher: chainMatcher(dice, chains, depth + 1) }
  const value = dice.chance(0.07) ? 'none' : dice.pick(chains)
  return { action: { name: 'action', typed_config: { '@type': `${TYPE}/google.protobuf.StringValue`, value } } }
}

function tree(dice: Dice, on: () => Json): Json {
  const { config, values } = input(dice)
  const map = (words: readonly string[]) => ({
    map: Object.fromEntries(dice.list(1, 3, () => [dice.pick(words), on()])),
  })
  const custom = (type: string, fields: Json) => ({
    custom_match: { name: 'custom', typed_config: { '@type': `${TYPE}/xds.type.matcher.v3.${type}`, ...fields } },
  })
  const ranges = () =>
    custom('IPMatcher', {
      range_matchers: dice.list(1, 3, () => ({
        ranges: dice.list(1, 2, () => range(dice)),
        on_match: on(),
        ...(dice.chance(0.3) ? { exclusive: true } : {}),
      })),
    })
  const domains = () =>
    custom('ServerNameMatcher', {
      domain_matchers: dice.list(1, 3, () => ({
        domains: dice.list(1, 2, () =>
          dice.chance(0.03)
            ? dice.pick(['*a', 'a.*', '', '*.', '*.*.a'])
            : dice.pick([...NAMES, ...WILDCARDS, '*', '*..']),
        ),
        on_match: on(),
      })),
    })
  const branches = dice.pick<() => Json>([
    () => ({ exact_match_map: map(values) }),
    () => (isPort(config) ? { exact_match_map: map(values) } : { prefix_match_map: map(beginnings(values)) }),
    // An address or a name where there is one, and now and then where there is another thing.
    /IPInput/.test(JSON.stringify(config)) ? ranges : domains,
    () => (dice.chance(0.2) ? ranges() : domains()),
  ])()
  return { input: config, ...branches }
}

/** Each side has other ports, which are the same in nothing but in being what the listener names. */
function isPort(config: Json): boolean {
  return /PortInput/.test(JSON.stringify(config))
}

function beginnings(values: readonly string[]): string[] {
  return [...values, ...values.map((value) => value.slice(0, 2))]
}

function predicate(dice: Dice, depth = 0): Json {
  if (depth < 2 && dice.chance(0.3)) {
    const several = dice.list(2, 3, () => predicate(dice, depth + 1))
    return dice.pick<Json>([
      { or_matcher: { predicate: several } },
      { and_matcher: { predicate: several } },
      { not_matcher: several[0] },
    ])
  }
  const { config, values } = input(dice)
  const ip = {
    name: 'ip',
    typed_config: {
      '@type': `${TYPE}/envoy.extensions.matching.input_matchers.ip.v3.Ip`,
      cidr_ranges: dice.list(1, 2, () => range(dice)),
      stat_prefix: 'ip',
    },
  }
  const match = dice.chance(0.2)
    ? { custom_match: ip }
    : { value_match: isPort(config) ? { exact: dice.pick(values) } : text(dice, values) }
  return { single_predicate: { input: config, ...match } }
}

/** xDS's own wants an engine of regular expressions named, and an expression. */
function text(dice: Dice, values: readonly string[]): Json {
  const { safe_regex: regex, ...others } = stringMatcher(dice, values)
  if (regex === undefined) return others
  return { safe_regex: { google_re2: {}, regex: (regex as { regex: string }).regex || 'a|b' } }
}
