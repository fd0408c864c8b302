import {
  type Cluster_LbSubsetConfig,
  type Cluster_LbSubsetConfig_LbSubsetSelector,
  Cluster_LbSubsetConfig_LbSubsetSelectorSchema,
  Cluster_LbSubsetConfigSchema,
} from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import {
  type Subset,
  type Subset_LbSubsetSelector,
  Subset_LbSubsetSelectorSchema,
  SubsetSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts'
import { structJson } from '../../config/any.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { keysText } from './metadata-match.ts'

/** Who gets a request for which there is no subset. */
export type SubsetFallback = 'none' | 'any' | 'default' | 'keys'

/** Keys by whose values hosts are put into subsets. */
export interface SubsetSelector {
  readonly keys: readonly string[]
  readonly singleHost: boolean
  /** Where it has its own. */
  readonly fallback: SubsetFallback | undefined
  readonly fallbackKeys: readonly string[]
}

/** How a cluster is cut into subsets by the metadata of its endpoints. */
export interface SubsetSettings {
  readonly fallback: SubsetFallback
  readonly defaultSubset: Readonly<Record<string, unknown>>
  /** By the text of their keys. */
  readonly selectors: ReadonlyMap<string, SubsetSelector>
  readonly localityWeightAware: boolean
  readonly scaleLocalityWeight: boolean
  readonly panicModeAny: boolean
  readonly listAsAny: boolean
}

const SHARED = [
  'fallback_policy',
  'default_subset',
  'subset_selectors',
  'locality_weight_aware',
  'scale_locality_weight',
  'panic_mode_any',
  'list_as_any',
]
const SELECTOR = ['keys', 'single_host_per_subset', 'fallback_policy', 'fallback_keys_subset']

/** Of `lb_subset_config`; none when it has no selectors, as in Envoy. */
export function legacySubsets(proto: Cluster_LbSubsetConfig, path: string): SubsetSettings | undefined {
  onlyFields(Cluster_LbSubsetConfigSchema, proto, SHARED, path)
  proto.subsetSelectors.forEach((selector, i) => {
    onlyFields(Cluster_LbSubsetConfig_LbSubsetSelectorSchema, selector, SELECTOR, `${path}.subset_selectors[${i}]`)
  })
  return proto.subsetSelectors.length === 0 ? undefined : subsetSettings(proto, path)
}

/** Of the policy `envoy.load_balancing_policies.subset`. */
export function typedSubsets(proto: Subset, path: string): SubsetSettings {
  onlyFields(SubsetSchema, proto, [...SHARED, 'subset_lb_policy'], path)
  proto.subsetSelectors.forEach((selector, i) => {
    onlyFields(Subset_LbSubsetSelectorSchema, selector, SELECTOR, `${path}.subset_selectors[${i}]`)
  })
  return subsetSettings(proto, path)
}

/** The numbers mean the same in both messages. */
const FALLBACKS: readonly SubsetFallback[] = ['none', 'any', 'default']
const SELECTOR_FALLBACKS: readonly (SubsetFallback | undefined)[] = [undefined, 'none', 'any', 'default', 'keys']

function subsetSettings(proto: Cluster_LbSubsetConfig | Subset, path: string): SubsetSettings {
  const selectors = new Map<string, SubsetSelector>()
  proto.subsetSelectors.forEach((one, i) => {
    const selector = compileSelector(one, `${path}.subset_selectors[${i}]`)
    const key = keysText(selector.keys)
    if (selectors.has(key)) throw invalid(`${path}.subset_selectors[${i}].keys`, 'another selector has the same keys')
    selectors.set(key, selector)
  })
  return {
    fallback: FALLBACKS[proto.fallbackPolicy],
    defaultSubset: proto.defaultSubset === undefined ? {} : structJson(proto.defaultSubset),
    selectors,
    localityWeightAware: proto.localityWeightAware,
    scaleLocalityWeight: proto.scaleLocalityWeight,
    panicModeAny: proto.panicModeAny,
    listAsAny: proto.listAsAny,
  }
}

function compileSelector(
  proto: Cluster_LbSubsetConfig_LbSubsetSelector | Subset_LbSubsetSelector,
  path: string,
): SubsetSelector {
  const keys = [...new Set(proto.keys)].sort()
  if (keys.length === 0) throw invalid(`${path}.keys`, 'a key is missing')
  const fallback = SELECTOR_FALLBACKS[proto.fallbackPolicy]
  const fallbackKeys = [...new Set(proto.fallbackKeysSubset)].sort()
  const where = `${path}.fallback_keys_subset`
  if (fallback !== 'keys') {
    if (fallbackKeys.length > 0) throw invalid(where, 'only with fallback_policy KEYS_SUBSET')
  } else if (fallbackKeys.length === 0) {
    throw invalid(where, 'a key is missing')
  } else if (fallbackKeys.length >= keys.length || !fallbackKeys.every((key) => keys.includes(key))) {
    throw invalid(where, 'must be some of the keys, and not all of them')
  }
  return { keys, singleHost: proto.singleHostPerSubset, fallback, fallbackKeys }
}
