interface Dump {
  readonly configs?: readonly { readonly name: string; readonly error_state?: { readonly details: string } }[]
}

/** What Envoy says of the listeners that it refused, by name; `admin` answers a path of its admin endpoint. */
export async function refusals(admin: (path: string) => Promise<string>): Promise<ReadonlyMap<string, string>> {
  const { configs = [] } = JSON.parse(await admin('/config_dump?resource=dynamic_listeners')) as Dump
  return new Map(
    configs.flatMap(({ name, error_state: state }) => (state === undefined ? [] : [[name, state.details] as const])),
  )
}
