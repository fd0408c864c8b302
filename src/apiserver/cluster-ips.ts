import { isIPv4 } from 'node:net'
import { invalid, invalidValue } from './status.ts'
import type { Store } from './store/store.ts'

/** Kubernetes' default service range; nothing routes it on one machine, but proxies are configured with it. */
const FIRST = ip('10.96.0.2')
const LAST = ip('10.111.255.254')

/** Addresses for Services. Which are taken is read from the Services themselves, so there is nothing to get out of step. */
export class ClusterIPs {
  readonly #store: Store
  #next = FIRST

  constructor(store: Store) {
    this.#store = store
  }

  /** A free address, or a check that the wanted one can be had. */
  allocate(wanted: string | undefined): string {
    const taken = new Set<string>()
    for (const { object } of this.#store.table('services').entries.values()) {
      const address = object['spec']?.clusterIP
      if (typeof address === 'string') taken.add(address)
    }
    if (wanted !== undefined) {
      const problem = !isIPv4(wanted)
        ? 'must be an IPv4 address, None or empty'
        : taken.has(wanted)
          ? 'failed to allocate IP: provided IP is already allocated'
          : undefined
      if (problem === undefined) return wanted
      throw invalid({ group: '', plural: 'services', kind: 'Service' }, '', [
        invalidValue('spec.clusterIPs', [wanted], problem),
      ])
    }
    for (let tried = FIRST; tried <= LAST; tried++) {
      const address = text(this.#next)
      this.#next = this.#next === LAST ? FIRST : this.#next + 1
      if (!taken.has(address)) return address
    }
    throw new Error('all service addresses are taken')
  }
}

function ip(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function text(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}
