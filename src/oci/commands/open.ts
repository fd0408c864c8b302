import { RegistryClient, type RegistryOptions } from '../client.ts'
import type { CredentialSource } from '../credentials.ts'
import { HttpTransport } from '../http-transport.ts'
import { formatReference, parseReference } from '../reference.ts'
import { deadline } from '../retry.ts'

/** What the commands of a person need to reach registries. */
export interface AccessOptions extends RegistryOptions {
  /** The machine's own credentials unless told. */
  readonly credentials?: CredentialSource
  /** Of the whole command; 5 minutes unless told. */
  readonly timeoutMs?: number
}

/** Runs something with a client for a reference. `writing` keeps a mirrored reference from being written to its origin. */
export async function withClient<T>(
  ref: string,
  options: AccessOptions,
  writing: boolean,
  run: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const reference = parseReference(ref)
  const transport = new HttpTransport(options)
  const limit = deadline(options.timeoutMs ?? 300_000, formatReference(reference))
  const mirrors = (options.mirrors ?? []).map((rule) => (writing ? { ...rule, exclusive: true } : rule))
  try {
    return await run(new RegistryClient(reference, transport, { ...options, mirrors, limit }))
  } finally {
    limit.clear()
    transport.close()
  }
}
