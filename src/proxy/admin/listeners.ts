import type { ConfigManager } from '../main/config-manager.ts'

type Addresses = ReturnType<ConfigManager['addresses']>

/** `/listeners`: a line for each address. */
export function listenersText(addresses: Addresses): string {
  return addresses.map(({ name, address, port }) => `${name}::${address}:${port}\n`).join('')
}

/** `/listeners?format=json`, Envoy's `admin.v3.Listeners`: one of each name, whose further addresses are told apart from the first. */
export function listenersJson(addresses: Addresses): unknown {
  const byName = Map.groupBy(addresses, ({ name }) => name)
  return {
    listener_statuses: [...byName].map(([name, list]) => {
      const [first, ...more] = list.map(({ address, port }) => ({ socket_address: { address, port_value: port } }))
      return { name, local_address: first, ...(more.length === 0 ? {} : { additional_local_addresses: more }) }
    }),
  }
}
