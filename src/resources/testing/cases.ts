/** Objects and what the API server must say to them; the same tables are put to a real kube-apiserver. */
export interface Case {
  readonly name: string
  readonly apiVersion: string
  readonly kind: string
  readonly spec: unknown
  /** The stored spec, for an update. */
  readonly old?: unknown
  /** `field: message`, in any order; nothing for what is accepted. */
  readonly says: readonly string[]
}

export const SKIPPED =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'

/** Cases of one kind: a name, the spec, and what is said to it. */
export function casesOf(
  apiVersion: string,
  kind: string,
  table: Readonly<Record<string, readonly [spec: unknown, ...says: string[]]>>,
): Case[] {
  return Object.entries(table).map(([name, [spec, ...says]]) => ({ name, apiVersion, kind, spec, says }))
}
