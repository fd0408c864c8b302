/**
 * The `reason` of a condition for each cause that arrives as an error code. A reason is an API: scripts wait for it.
 * Codes that are not listed fall back to the words of the condition itself.
 */
const REASONS: Readonly<Record<string, string>> = {
  SL2001: 'InvalidConfig',
  SL3001: 'InvalidReference',
  SL3002: 'UnsupportedScheme',
  SL3003: 'Unreachable',
  SL3004: 'Unauthorized',
  SL3005: 'Forbidden',
  SL3006: 'ModuleNotFound',
  SL3007: 'RateLimited',
  SL3008: 'RegistryFailed',
  SL3009: 'RegistryFailed',
  SL3010: 'DigestMismatch',
  SL3011: 'ChecksumMismatch',
  SL3012: 'UnknownImageFormat',
  SL3013: 'TooLarge',
  SL3014: 'TooLarge',
  SL3015: 'FetchTimeout',
  SL3016: 'FetchFailed',
  SL3017: 'AddressBlocked',
  SL3018: 'UnsafeRealm',
  SL3019: 'MissingPullSecret',
  SL3020: 'InvalidCredentials',
  SL3021: 'NotWasm',
  SL3022: 'FileNotReadable',
  SL3023: 'CacheNotWritable',
  SL3024: 'StartFailed',
  SL3025: 'NotSigned',
  SL3026: 'SignatureMismatch',
  SL3027: 'InvalidKey',
  SL3028: 'InvalidConfig',
  SL3031: 'InvalidPolicy',
  SL3033: 'TrialTimeout',
  SL4001: 'NotWasm',
  SL4002: 'UnsupportedFeature',
  SL4003: 'UnknownAbi',
  SL4004: 'MissingImport',
  SL4005: 'WrongImportType',
  SL4006: 'WrongExportType',
  SL4007: 'NoAllocator',
  SL4008: 'TooLarge',
  SL4009: 'StartFailed',
  SL4010: 'ConfigRefused',
  SL4011: 'ConfigRefused',
  SL4012: 'Trapped',
  SL4013: 'DeadlineExceeded',
  SL4014: 'StackOverflow',
  SL4017: 'InvalidConfig',
  SL4018: 'StartFailed',
}

const CODE = /\bSL\d{4}\b/g

/** The reason for a code, or for the last (innermost) known code in a text. */
export function reasonFor(codeOrText: string | undefined): string | undefined {
  const codes = codeOrText?.match(CODE) ?? []
  return codes.map((code) => REASONS[code]).findLast((reason) => reason !== undefined)
}
