import type { DataSource } from '../../../gen/envoy/config/core/v3/base_pb.ts'

/** A text with certificates as it was read. */
export interface LoadedPem {
  /** Its file, or Envoy's `<inline>`. */
  readonly path: string
  readonly pem: string
}

/** What a TLS context in force has loaded; what has become of the files since then does not matter. */
export interface LoadedCertificates {
  /** What it shows, each with its chain. */
  readonly shown: readonly LoadedPem[]
  /** Whom it trusts. */
  readonly authority: LoadedPem | undefined
}

/** Where a text comes from, as `/certs` tells it. */
export function sourcePath({ specifier }: DataSource): string {
  return specifier.case === 'filename' ? specifier.value : '<inline>'
}
