import type { Seen } from '../../conformance/proxy-wasm/case.ts'
import { modulesFor } from '../../conformance/proxy-wasm/modules/index.ts'
import { runOnEnvoy } from '../../conformance/proxy-wasm/targets/envoy.ts'
import { runOnSluice } from '../../conformance/proxy-wasm/targets/sluice.ts'
import { differences } from './facts.ts'
import { caseOf, type Sequence } from './sequence.ts'

/** Some programs never go on; what has not come by then does not. */
const PATIENCE_MS = 1_200
/** So many share a proxy. */
const AT_ONCE = 150
/** Where a piece of a body ends is up to the network too: what is not seen again was that. */
const LOOKS = 3

export interface Difference {
  readonly id: string
  readonly sequence: Sequence
  /** By fact, what is ours and what is Envoy's. */
  readonly facts: ReadonlyMap<string, readonly [ours: string, theirs: string]>
}

/** Runs all sequences on both proxies; what differs, differs each time. */
export async function compare(sequences: ReadonlyMap<string, Sequence>, envoy: string): Promise<Difference[]> {
  let found: Difference[] = []
  const all = [...sequences]
  for (let i = 0; i < all.length; i += AT_ONCE) found.push(...(await look(all.slice(i, i + AT_ONCE), envoy)))
  for (let again = 1; again < LOOKS && found.length > 0; again++) {
    found = await look(
      found.map(({ id, sequence }) => [id, sequence] as const),
      envoy,
    )
  }
  return found
}

async function look(sequences: readonly (readonly [string, Sequence])[], envoy: string): Promise<Difference[]> {
  const cases = sequences.map(([id, sequence]) => caseOf(id, sequence))
  const modules = await modulesFor(cases)
  const theirs = await runOnEnvoy(envoy, cases, modules, PATIENCE_MS)
  const ours = await runOnSluice(cases, modules, PATIENCE_MS)
  return sequences
    .map(([id, sequence]) => ({
      id,
      sequence,
      facts: differences(sequence, ours.get(id) as Seen, theirs.get(id) as Seen),
    }))
    .filter(({ facts }) => facts.size > 0)
}
