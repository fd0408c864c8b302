/** Somebody with a short-lived certificate, and whom one has to trust to believe it. */
export interface KeylessSigner {
  readonly issuer: string
  readonly subject?: string
  /** RE2, for the whole subject. */
  readonly subjectRegex?: string
  /** Sigstore's `trusted_root.json`. */
  readonly trustedRoot: string
}

/** Who may have signed: one signature by one of them is enough. */
export interface Signers {
  /** PEM each. */
  readonly keys: readonly string[]
  readonly keyless: readonly KeylessSigner[]
}

/** What one rule of a signature policy asks of one module. The control plane picks the rules, the agent enforces them. */
export interface SignatureRequirement extends Signers {
  /** `namespace/name` of the policy. */
  readonly policy: string
  /** The module runs anyhow, and its status says what is wrong. */
  readonly warn: boolean
}

/** As they travel in the environment of a module. */
export function encodeRequirements(requirements: readonly SignatureRequirement[]): string {
  return JSON.stringify(requirements)
}

/** Throws on anything that is no list of requirements: one that is not understood must not be taken for none. */
export function decodeRequirements(text: string): SignatureRequirement[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list) || !list.every(isRequirement)) throw new Error('these are no signature requirements')
  return list
}

function isRequirement(value: Partial<SignatureRequirement> | null): value is SignatureRequirement {
  if (typeof value !== 'object' || value === null) return false
  const { policy, warn, keys, keyless } = value
  const told = typeof policy === 'string' && typeof warn === 'boolean'
  return told && Array.isArray(keys) && Array.isArray(keyless) && keys.length + keyless.length > 0
}
