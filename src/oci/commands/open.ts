import { type ClientOptions, RegistryClient } from '../client.ts'
import { HttpTransport } from '../http-transport.ts'
import { formatReference, parseReference } from '../reference.ts'
import { deadline } from '../retry.ts'

/** What the commands of a person need to reach registries. */
export interface AccessOptions extends Omit<ClientOptions, 'limit' | 'writing'> {
  /** Of the whole command; an hour unless told: a server that falls silent is given up long before. */
  readonly timeoutMs?: number
}

/** Runs something with a client for a reference. `writing`: see {@link ClientOptions}. */
export async function withClient<T>(
  ref: string,
  options: AccessOptions,
  writing: boolean,
  run: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const reference = parseReference(ref)
  const transport = new HttpTransport(options)
  const limit = deadline(options.timeoutMs ?? 3_600_000, formatReference(reference))
  try {
    return await run(new RegistryClient(reference, transport, { ...options, writing, limit }))
  } finally {
    limit.clear()
    transport.close()
  }
}
